import { describe, expect, it } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { eventEntry, type RunEvent } from "../core/event.ts";
import { type Link, linkEntry, linksLog } from "../core/links.ts";
import { eventLog, type Claim } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { allChanges, appendTo, logKey, plain, sessionKey } from "../testing/store-suite/samples.ts";
import {
  admitTo,
  begin,
  claimNext,
  commitOf,
  endOf,
  fenceOf,
  stage,
} from "../testing/store-suite/work-samples.ts";
import { committedRun, transcriptOf } from "./committed-run.ts";

const commit = { kind: "commit", commit: "abc1234" } as const;

onEachStore(({ open }) => {
  describe("a committed run with commits", () => {
    it("is found at its boundary alone, once, with the lines that it committed and what it ran with", async () => {
      const store = await open({ now: () => 1000 });
      await admitTo(store, "s-1", "k-1");
      // As many as the run will commit, right before it begins, and by this clock at the same time.
      await appendTo(store, "s-1", plain(1, 10));
      const claim = await claimNext(store);
      await told(store, claim, [commit, { kind: "pull_request", url: "https://h.com/a/b/pull/1" }]);
      await stage(store, claim, plain(11, 13));
      await stage(store, claim, plain(1, 4), "subagents/a");
      expect(await found(store)).toEqual([]);
      await commitOf(store, claim);
      const other = await begin(store, "s-1", "k-2");
      await stage(store, other, plain(14, 15));
      await stage(
        store,
        other,
        [event(other, { type: "assistant", text: "No commit." })],
        eventLog(other.run.id),
      );
      await commitOf(store, other);
      const [made, ...more] = await found(store);
      expect(more).toEqual([]);
      expect(made).toMatchObject({
        run: { id: claim.run.id },
        commits: ["abc1234"],
        main: { from: 11, to: 13 },
        settings: { cwd: "/w", model: "m" },
        resumeToken: "own-name",
      });
      expect(await transcriptOf(store, made!)).toBe(lines(1, 13));
    });

    it("is none while it is open, nor where it was discarded or interrupted", async () => {
      const store = await open();
      for (const [at, as] of (["discarded", "interrupted"] as const).entries()) {
        const claim = await begin(store, `s-${at}`);
        await told(store, claim, [{ kind: "commit", commit: `abc123${at}` }]);
        await stage(store, claim, plain(1, 2));
        await endOf(store, claim, as, { requeue: false });
      }
      const claim = await begin(store, "s-9");
      await told(store, claim, [commit]);
      expect(await found(store)).toEqual([]);
    });

    it("has no commit that was only pushed, or that another program has noted", async () => {
      const store = await open();
      const claim = await begin(store);
      await told(store, claim, [{ ...commit, url: "https://github.com/a/b/commit/abc1234" }]);
      const imported = linkEntry({ ...commit, run: "01KAJ3W5T8QZ4N6V0R2Y7C9DEF", call: "Entire-Checkpoint" });
      await store.append({ log: logKey("s-1", linksLog), entries: [imported] });
      await stage(store, claim, plain(1, 2));
      await commitOf(store, claim);
      expect(await found(store)).toEqual([]);
    });

    it("has no transcript where that was dropped, also where another began in its place", async () => {
      let now = 1000;
      const store = await open({ now: () => now });
      const claim = await begin(store);
      await told(store, claim, [commit]);
      await stage(store, claim, plain(1, 2));
      await commitOf(store, claim);
      const [made] = await found(store);
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      expect(await transcriptOf(store, made!)).toBeUndefined();
      now += 1;
      await appendTo(store, "s-1", plain(7, 9));
      expect(await transcriptOf(store, made!)).toBeUndefined();
      await store.drop({ session: sessionKey(), actor: "test" });
      expect(await found(store)).toEqual([]);
    });
  });
});

async function told(store: Store, claim: Claim, links: readonly Link[]): Promise<void> {
  const { id: run, session } = claim.run;
  const entries = [
    event(claim, { type: "status", status: "old", settings: { cwd: "/old" }, resume: "old", replayed: true }),
    event(claim, { type: "status", status: "started", settings: { cwd: "/w", model: "m" } }),
    event(claim, { type: "status", status: "named", resume: "own-name" }),
  ];
  await stage(store, claim, entries, eventLog(run));
  await store.append({
    log: logKey(session, linksLog),
    entries: links.map((link) => linkEntry({ ...link, run, call: "c" })),
    fence: fenceOf(claim.lease),
  });
}

function event(claim: Claim, one: RunEvent) {
  return eventEntry({ run: claim.run.id, event: one });
}

async function found(store: Store) {
  const all = [];
  for (const change of await allChanges(store)) {
    const made = await committedRun(store, change);
    if (made !== undefined) all.push(made);
  }
  return all;
}

function lines(from: number, to: number): string {
  return plain(from, to)
    .map(({ body }) => `${body}\n`)
    .join("");
}
