import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { mintUlid } from "../format/ids.ts";
import type { StoredCheckpoint } from "../checkpoint-store.ts";
import { prompt, claudeTranscript, Story, storyMs } from "../../../test/git/story.ts";
import { FactsIndex } from "./facts-index.ts";
import { readLog } from "./log.ts";
import { resolveName } from "./resolve.ts";
import { RoutedSource } from "./routed-source.ts";

let story: Story;

beforeEach(async () => {
  story = await Story.make();
});
afterEach(async () => {
  await story[Symbol.asyncDispose]();
});

const [one, two] = ["a1b2c3d4e5f6", "a1b2ffffffff"] as const;

async function checkpoint(id: string, at: string, text = "Do it.\nAnd more."): Promise<void> {
  const usage = {
    input_tokens: 10,
    output_tokens: 5,
    cache_read_tokens: 100,
    cache_creation_tokens: 20,
    api_call_count: 2,
  };
  const metadata = { created_at: at, agent: "Claude Code", model: "claude-opus-4-5", token_usage: usage };
  const root = {
    branch: "feat/x",
    token_usage: { ...usage, subagent_tokens: { input_tokens: 1, api_call_count: 1 } },
  };
  const transcript = claudeTranscript("s", [prompt(text)]);
  await story.checkpoint({
    id,
    sessions: [{ sessionId: `s-${id}`, prompt: text, metadata, transcript }],
    root,
  });
}

/** The same source, which counts what is read of it. */
function counting(): { readonly index: FactsIndex; readonly reads: string[] } {
  const reads: string[] = [];
  const read = (id: string): Promise<StoredCheckpoint | null> => {
    reads.push(id);
    return story.source.read(id);
  };
  const source = { read, list: () => story.source.list() };
  return { reads, index: new FactsIndex({ repository: story.repository, source }) };
}

/** How many of these are still in memory when all that nobody holds is gone. */
async function countHeld(refs: readonly WeakRef<object>[]): Promise<number> {
  // What was made or asked for in this turn is held until the next.
  await setImmediate();
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return refs.filter((ref) => ref.deref() !== undefined).length;
}

describe("the list of checkpoints", () => {
  it("is newest first, by what the sessions say or the id tells", async () => {
    const ulid = mintUlid({ nowMs: storyMs + 1000, random: (count) => new Uint8Array(count) });
    await checkpoint(one, "2026-02-03T06:00:02Z");
    await checkpoint(two, "2026-02-03T09:00:00+02:00");
    await checkpoint(ulid, "");
    const all = await story.index.all();
    expect(all.map(({ id }) => id)).toEqual([two, one, ulid]);
    expect(all[1]).toMatchObject({
      branch: "feat/x",
      atMs: storyMs + 2000,
      usage: { calls: 3, tokens: { input: 11, output: 5, cacheRead: 100, cacheWrite5m: 20 } },
      sessions: [{ session: `s-${one}`, agent: "Claude Code", prompt: "Do it.", prompts: 1 }],
    });
  });

  it("reads again only what has changed since, and forgets what is gone", async () => {
    await checkpoint(one, "2026-02-03T06:00:00Z");
    await checkpoint(two, "2026-02-03T07:00:00Z");
    const cold = counting();
    await cold.index.all();
    expect(cold.reads.toSorted()).toEqual([one, two]);
    const warm = counting();
    const told = await warm.index.all();
    expect([warm.reads, told]).toEqual([[], await cold.index.all()]);
    await checkpoint(one, "2026-02-03T08:00:00Z", "Something else.");
    await story.source.remove(two);
    const changed = counting();
    expect((await changed.index.all()).map(({ id, sessions }) => [id, sessions[0]?.prompt])).toEqual([
      [one, "Something else."],
    ]);
    expect(changed.reads).toEqual([one]);
  });

  it("reads a checkpoint once for all that is asked, and keeps none of them in memory", async () => {
    await checkpoint(one, "2026-02-03T06:00:00Z");
    await checkpoint(two, "2026-02-03T07:00:00Z");
    const read: WeakRef<object>[] = [];
    const source = {
      list: () => story.source.list(),
      read: async (id: string) => {
        const stored = await story.source.read(id);
        if (stored !== null) read.push(new WeakRef(stored));
        return stored;
      },
    };
    const index = new FactsIndex({ repository: story.repository, source });
    const asked = [await index.told(), await index.anchors(), await index.all()];
    expect(await countHeld(read)).toBe(0);
    const again = [await index.told(), await index.anchors(), await index.all()];
    expect(again).toEqual(asked);
    expect(read).toHaveLength(2);
  });

  it("is right where the file of the cache is damaged, of another version, or cannot be written", async () => {
    await checkpoint(one, "2026-02-03T06:00:00Z");
    const expected = await story.index.all();
    const file = join(story.repository.commonDir, "holdfast", "index", "checkpoints");
    const good = readFileSync(file, "utf8");
    const row = good.split("\n")[1]!;
    const head = row.split(" ", 2).join(" ");
    for (const bad of [
      "",
      good.replace("index 1", "index 99"),
      good.slice(0, -20),
      good.replace(row, head),
      good.replace(row, `${head} [1,2]`),
      good.replace(row, `${head} {}`),
      `${good}\n\n \n  \n`,
    ]) {
      writeFileSync(file, bad);
      expect(await story.index.all(), bad).toEqual(expected);
    }
  });
});

describe("log", () => {
  it("shows each commit with its checkpoints, here and elsewhere, and reads each once", async () => {
    await checkpoint(one, "2026-02-03T06:00:00Z");
    const away = "ffffffffffff";
    await story.commit({ "a.txt": "1" }, "First\n\nBody with Entire-Checkpoint: none", {
      checkpoints: [one],
    });
    await story.commit({ "a.txt": "2" }, "Second", { checkpoints: [one, away] });
    const { index, reads } = counting();
    const logged = await readLog({ repository: story.repository, index, maxCommits: 3 });
    expect(
      logged.map(({ commit, checkpoints }) => [
        commit.subject,
        checkpoints.map(({ id, facts }) => [id, facts?.branch ?? null]),
      ]),
    ).toEqual([
      [
        "Second",
        [
          [one, "feat/x"],
          [away, null],
        ],
      ],
      ["First", [[one, "feat/x"]]],
      ["Commit 3", []],
    ]);
    expect(reads).toEqual([one]);
  });

  it("takes ranges, and nothing for an option", async () => {
    await story.commit({ "a.txt": "1" }, "Newest");
    const { repository, index } = story;
    const log = (...revisions: readonly string[]) =>
      readLog({ repository, index, revisions, maxCommits: 50 });
    expect(await log("HEAD~1..HEAD")).toHaveLength(1);
    await expect(log("--output=/tmp/x")).rejects.toMatchObject({ code: "git_revision_unknown" });
    await expect(log("nowhere")).rejects.toMatchObject({ code: "git_revision_unknown" });
    await story.git("checkout", "-q", "--orphan", "empty");
    expect(await log()).toEqual([]);
  });
});

describe("a name", () => {
  it("is a checkpoint, the start of one, or whatever names a commit", async () => {
    await checkpoint(one, "2026-02-03T06:00:00Z");
    await checkpoint(two, "2026-02-03T07:00:00Z");
    const { repository } = story;
    const head = await story.git("rev-parse", "HEAD");
    const resolve = (name: string) => resolveName({ repository, index: story.index, name });
    expect(await resolve(one)).toEqual({ kind: "checkpoint", id: one });
    expect(await resolve("a1b2c")).toEqual({ kind: "checkpoint", id: one });
    expect(await resolve("A1B2F")).toEqual({ kind: "checkpoint", id: two });
    for (const name of ["HEAD", "main", head, head.slice(0, 8)])
      expect(await resolve(name), name).toEqual({ kind: "commit", commit: head });
    await expect(resolve("a1b2")).rejects.toMatchObject({ code: "checkpoint_ambiguous" });
    for (const name of ["", "nothing", "-x", "--all", "ffffffffffff", "a\nb", "../../x"])
      await expect(resolve(name), name).rejects.toMatchObject({ code: "checkpoint_unknown" });
  });
});

describe("several layouts", () => {
  it("answer as one: the first that has it decides, and one that fails is passed over", async () => {
    await checkpoint(one, "2026-02-03T06:00:00Z");
    const broken = {
      read: () => Promise.reject(new Error("broken")),
      list: async () => [{ id: one, version: "0" }],
    };
    const source = new RoutedSource([story.source, broken]);
    expect((await source.read(one))?.id).toBe(one);
    expect((await new RoutedSource([broken, story.source]).read(one))?.id).toBe(one);
    expect(await source.list()).toEqual(await story.source.list());
    await expect(source.read(two)).rejects.toThrow("broken");
  });
});
