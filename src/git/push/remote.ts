import { isHoldfastError } from "../../core/errors.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Ref } from "../plumbing/refs.ts";
import { BorrowedRepository } from "./borrowed-repository.ts";
import type { Deadline } from "./deadline.ts";
import { type PushedRef, readPorcelain } from "./porcelain.ts";

/** What came of one push of several refs. */
export type PushAnswer =
  /** The remote has answered for each ref that is in it. */
  | { readonly kind: "answered"; readonly refs: ReadonlyMap<string, PushedRef> }
  /** Nobody knows which refs have arrived; a push again finds those up to date. */
  | { readonly kind: "failed"; readonly timedOut: boolean; readonly reason: string };

/** The longest that one push may take. */
export const maxPushMs = 120_000;

/** A remote, spoken to without any question to a person, and never longer than the deadline allows. */
export class Remote {
  readonly name: string;
  readonly #repository: Repository;
  readonly #deadline: Deadline;
  readonly #place: string | undefined;
  #sources: Promise<readonly string[]> | undefined;
  #env: Promise<Readonly<Record<string, string>>> | undefined;

  constructor({ repository, name, deadline, place }: RemoteParams) {
    this.#repository = repository;
    this.name = name;
    this.#deadline = deadline;
    this.#place = place;
  }

  /** One to ask for each URL that it is pushed to; it is itself asked at the first of them. @throws git_failed */
  async places(): Promise<readonly Remote[]> {
    const [repository, deadline] = [this.#repository, this.#deadline];
    const sources = await this.#pushSources();
    return sources.map((place) => new Remote({ repository, name: this.name, deadline, place }));
  }

  /** Pushes refs under their own names; never forced but for a lease, which names what the remote must have. */
  async push(refs: readonly Ref[], { lease, maxMs = maxPushMs }: PushOptions = {}): Promise<PushAnswer> {
    await using borrowed = await BorrowedRepository.open(this.#repository, refs);
    const leases = lease === undefined ? [] : [`--force-with-lease=${lease.name}:${lease.id}`];
    // By one pattern: see BorrowedRepository.
    const args = [
      ...this.#settings,
      "push",
      "--porcelain",
      ...pushFlags,
      ...leases,
      "--",
      this.name,
      "refs/*:refs/*",
    ];
    try {
      const { code, stdout, stderr } = await borrowed.git(args, {
        ...this.#deadline.bounds(maxMs),
        env: await this.#quietly(),
        codes: [0, 1, 128],
      });
      const answered = readPorcelain(stdout.toString());
      // Of several push URLs git may have printed what the first one said before it died of the next.
      if (code === 0 || (code === 1 && answered.size > 0)) return { kind: "answered", refs: answered };
      return { kind: "failed", timedOut: false, reason: reasonIn(stderr) };
    } catch (error) {
      return { kind: "failed", timedOut: isOutOfTime(error), reason: messageOf(error) };
    }
  }

  /** Takes a ref away there, only while it is as it is here; gives the reason where the remote keeps it. */
  async remove({ name, id }: Ref): Promise<string | undefined> {
    const lease = `--force-with-lease=${name}:${id}`;
    const args = [...this.#settings, "push", "--porcelain", ...pushFlags, lease, "--", this.name, `:${name}`];
    try {
      const options = { ...this.#deadline.bounds(), env: await this.#quietly(), codes: [0, 1, 128] };
      const { code, stdout, stderr } = await this.#repository.git(args, options);
      const told = readPorcelain(stdout.toString()).get(name);
      if (code === 0 || /remote ref does not exist/.test(stderr)) return undefined;
      return told?.reason ?? reasonIn(stderr);
    } catch (error) {
      return messageOf(error);
    }
  }

  /**
   * Fetches what the remote has of names or patterns, such as `refs/entire/checkpoints/v2/*`, into a repository of
   * its own: the objects go into this one, its refs are not touched. `known` are tips that need not come again.
   * A pattern that matches nothing is no error, so an answer without a ref says that it is absent.
   * @throws git_failed, git_timeout, aborted
   */
  async fetch(patterns: readonly string[], known: readonly Ref[] = []): Promise<readonly Ref[]> {
    await using borrowed = await BorrowedRepository.open(this.#repository, known.map(hidden));
    const env = await this.#quietly();
    const source = await this.#fetchSource();
    await borrowed.git([...this.#settings, "fetch", ...fetchFlags, "--stdin", "--", source], {
      ...this.#deadline.bounds(),
      env,
      keepsObjects: true,
      input: patterns.map((pattern) => `+${pattern}*:${pattern}*\n`).join(""),
    });
    const refs = await borrowed.refs(this.#deadline.bounds());
    return refs.filter(({ name }) => !name.startsWith(hiddenPrefix));
  }

  /**
   * The folders of the first two levels in what refs of the remote hold, by ref; their trees come into a repository that
   * is thrown away. A remote that cannot leave out files (`uploadpack.allowFilter`) sends those of the last commit too.
   * @throws git_failed, git_timeout, aborted
   */
  async folders(refs: readonly string[]): Promise<ReadonlyMap<string, readonly Folder[]>> {
    await using borrowed = await BorrowedRepository.open(this.#repository, []);
    const bounds = { ...this.#deadline.bounds(), env: await this.#quietly() };
    const only = ["--depth=1", "--filter=blob:none"];
    const source = await this.#fetchSource();
    // git notes by a remote's name who has what was left out, and takes no path for one.
    const [from, named] =
      source === this.name ? [source, []] : ["holdfast", ["-c", `remote.holdfast.url=${source}`]];
    const args = [...this.#settings, ...named, "fetch", ...fetchFlags, ...only, "--stdin", "--", from];
    const input = refs.map((name) => `+${name}:${name}\n`).join("");
    await borrowed.git(args, { ...bounds, input });
    const folders = new Map<string, readonly Folder[]>();
    for (const name of refs) {
      const list = ["ls-tree", "-r", "-d", "-z", "--full-tree", name];
      const { stdout } = await borrowed.git(list, { ...this.#deadline.bounds(), maxBytes: maxListBytes });
      folders.set(name, stdout.toString().split("\0").flatMap(folderIn));
    }
    return folders;
  }

  /** The refs that the remote has of these patterns, without what they hold. @throws git_failed, git_timeout, aborted */
  async names(patterns: readonly string[]): Promise<readonly Ref[]> {
    const { stdout } = await this.#repository.git(
      [...this.#settings, "ls-remote", "--quiet", "--refs", "--", await this.#fetchSource(), ...patterns],
      { ...this.#deadline.bounds(), env: await this.#quietly(), maxBytes: maxListBytes },
    );
    return stdout
      .toString()
      .split("\n")
      .flatMap((line) => {
        const [, id, name] = /^([0-9a-f]{40}(?:[0-9a-f]{24})?)\t(refs\/.+)$/.exec(line) ?? [];
        return id === undefined || name === undefined ? [] : { id, name };
      });
  }

  /** Whether it answers at all. */
  async isReachable(): Promise<boolean> {
    return await this.names(["refs/entire/none"]).then(
      () => true,
      () => false,
    );
  }

  get #settings(): readonly string[] {
    // A mirror takes no refspecs; here only the refs that are meant are pushed.
    const settings = [
      `remote.${this.name}.mirror=false`,
      "push.gpgSign=false",
      "credential.interactive=false",
    ];
    return settings.flatMap((setting) => ["-c", setting]);
  }

  async #fetchSource(): Promise<string> {
    return this.#place ?? (await this.#pushSources())[0]!;
  }

  // Where a remote is pushed to other URLs than it is fetched from, what is to be joined lies at the former.
  #pushSources(): Promise<readonly string[]> {
    this.#sources ??= (async () => {
      const urls = async (...flags: readonly string[]): Promise<readonly string[]> => {
        const { stdout } = await this.#repository.git(["remote", "get-url", ...flags, "--", this.name]);
        return stdout.toString().trim().split("\n");
      };
      const [[from], to] = await Promise.all([urls(), urls("--push", "--all")]);
      return to.map((url) => (url === from ? this.name : url));
    })();
    return this.#sources;
  }

  #quietly(): Promise<Readonly<Record<string, string>>> {
    this.#env ??= (async () => {
      const { code } = await this.#repository.git(["config", "--get", "core.sshCommand"], { codes: [0, 1] });
      const isOwn =
        code === 0 || process.env["GIT_SSH_COMMAND"] !== undefined || process.env["GIT_SSH"] !== undefined;
      return isOwn ? quiet : { ...quiet, GIT_SSH_COMMAND: "ssh -o BatchMode=yes" };
    })();
    return this.#env;
  }
}

/** A folder of the second level, such as `a3/b2c4d5e6f7`. */
export interface Folder {
  readonly shard: string;
  readonly name: string;
  readonly id: ObjectId;
}

export interface RemoteParams {
  readonly repository: Repository;
  readonly name: string;
  readonly deadline: Deadline;
  /** The one of its URLs that is asked, or its name; default the first that it is pushed to. */
  readonly place?: string;
}

export interface PushOptions {
  readonly lease?: Ref;
  readonly maxMs?: number;
}

const pushFlags = [
  "--no-verify",
  "--no-follow-tags",
  "--recurse-submodules=no",
  "--no-signed",
  "--no-progress",
];
const fetchFlags = [
  ...["--quiet", "--no-tags", "--no-prune", "--no-auto-maintenance", "--no-write-fetch-head"],
  ...["--no-recurse-submodules", "--refmap="],
];

const quiet = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_ASKPASS: "",
  SSH_ASKPASS: "",
  SSH_ASKPASS_REQUIRE: "never",
  GCM_INTERACTIVE: "never",
};

const maxListBytes = 1024 * 1024 * 1024;

function folderIn(line: string): readonly Folder[] {
  const [, id, shard, name] = /^040000 tree ([0-9a-f]+)\t([^/]+)\/([^/]+)$/.exec(line) ?? [];
  return id === undefined || shard === undefined || name === undefined ? [] : [{ id, shard, name }];
}

const hiddenPrefix = "refs/known/";

// Under another name, so that it is not taken for what the remote has.
function hidden({ id }: Ref, index: number): Ref {
  return { id, name: `${hiddenPrefix}${index}` };
}

function isOutOfTime(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "git_timeout";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// Git ends with advice on several lines; what was wrong is in the first line of its own that is fatal.
function reasonIn(stderr: string): string {
  const lines = stderr.trim().split("\n");
  const reason = lines.find((line) => line.startsWith("fatal: ")) ?? lines.at(-1)!;
  return reason.slice(0, 500);
}
