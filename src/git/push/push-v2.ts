import { kindOfRef, v2CurrentRef, v2MainRef, v2Prefix } from "../format/checkpoint-refs.ts";
import { dropPending, pendingRotations } from "../layouts/v2/pending.ts";
import { mendRotation } from "../layouts/v2/rotate.ts";
import type { Ref } from "../plumbing/refs.ts";
import type { Repository } from "../plumbing/repository.ts";
import { joinRef } from "./join-refs.ts";
import { reconcileCurrent, takeArchive } from "./reconcile-current.ts";
import type { PushAnswer, Remote } from "./remote.ts";
import { followMoves } from "./slot-moves.ts";

/** What came of a push of the layout v2. */
export interface V2Pushed {
  readonly pushed: ReadonlySet<string>;
  readonly joined: ReadonlySet<string>;
  readonly failed: ReadonlyMap<string, string>;
  /** The remote has not answered. */
  readonly failure: Extract<PushAnswer, { kind: "failed" }> | undefined;
}

/** Whether there is anything of the layout v2 to push. */
export async function hasV2({ commonDir }: Repository, queued: readonly string[]): Promise<boolean> {
  return queued.length > 0 || (await pendingRotations(commonDir)).length > 0;
}

/**
 * Pushes archives first, then main and current. After a rotation current is no fast-forward: it replaces the remote's
 * only while that is as an archive of ours covers it (specification, section 6.4).
 */
export async function pushV2(
  repository: Repository,
  remote: Remote,
  queued: readonly string[],
): Promise<V2Pushed> {
  const push = new V2Push(repository, remote);
  await mendRotation(repository);
  await followMoves(repository);
  const pending = await pendingRotations(repository.commonDir);
  const archives = [...pending.map(({ archiveRef }) => archiveRef), ...queued.filter(isArchive)];
  for (const archive of new Set(archives)) await push.archive(archive);
  if (queued.includes(v2MainRef) || pending.length > 0) await push.main();
  if (queued.includes(v2CurrentRef) || pending.length > 0 || push.joined.has(v2MainRef)) await push.current();
  if (push.pushed.has(v2CurrentRef))
    await dropPending(
      repository.commonDir,
      archives.filter((name) => push.pushed.has(name)),
    );
  return push;
}

const maxRounds = 6;

class V2Push implements V2Pushed {
  readonly pushed = new Set<string>();
  readonly joined = new Set<string>();
  readonly failed = new Map<string, string>();
  failure: V2Pushed["failure"];
  readonly #repository: Repository;
  readonly #remote: Remote;

  constructor(repository: Repository, remote: Remote) {
    this.#repository = repository;
    this.#remote = remote;
  }

  async archive(name: string): Promise<void> {
    await this.#settle(name, async (their) => void (await takeArchive(this.#repository, their)));
  }

  async main(): Promise<void> {
    await this.#settle(v2MainRef, async (their) => {
      if ((await joinRef(this.#repository, their)) === "joined") this.joined.add(v2MainRef);
    });
  }

  async current(): Promise<void> {
    await this.#settle(v2CurrentRef, async (current, all) => {
      const archives = all.filter(({ name }) => isArchive(name));
      const outcome = await reconcileCurrent(this.#repository, { current, archives });
      if (outcome.kind === "joined") this.joined.add(v2CurrentRef);
      // What current was is in archives now, which the remote must have first.
      const ours = outcome.kind === "covered" ? [outcome.archive] : archives.map(({ name }) => name);
      for (const name of ours) await this.archive(name);
      if (outcome.kind === "covered" && this.pushed.has(outcome.archive))
        return { name: v2CurrentRef, id: outcome.replaces };
      return undefined;
    });
  }

  // Pushes one ref, and after each refusal looks at what the remote has.
  async #settle(
    name: string,
    look: (their: Ref, all: readonly Ref[]) => Promise<Ref | undefined | void>,
  ): Promise<void> {
    let lease: Ref | undefined;
    try {
      for (let round = 0; round < maxRounds && this.failure === undefined; round += 1) {
        const id = await this.#repository.refs.read(name);
        if (id === null) return;
        const answer = await this.#remote.push([{ name, id }], lease === undefined ? {} : { lease });
        if (answer.kind === "failed") return void (this.failure = answer);
        const told = answer.refs.get(name) ?? { state: "up-to-date", reason: "" };
        if (told.state === "refused") return void this.failed.set(name, told.reason);
        if (told.state !== "conflict") return void this.pushed.add(name);
        lease = undefined;
        for (const place of await this.#remote.places()) {
          const all = await place.fetch([v2Prefix], await this.#repository.refs.list(v2Prefix));
          const their = all.find((ref) => ref.name === name);
          // Only one can be leased; another place that needs it refuses this push, and is looked at again.
          if (their !== undefined) lease = (await look(their, all)) ?? lease;
        }
      }
      this.failed.set(name, "Another machine writes it at this moment.");
    } catch (error) {
      this.failed.set(name, error instanceof Error ? error.message : String(error));
    }
  }
}

function isArchive(name: string): boolean {
  return kindOfRef(name) === "v2-archive";
}
