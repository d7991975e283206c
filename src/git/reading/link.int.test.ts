import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Story, storyMs } from "../../../test/git/story.ts";
import { redactor } from "../content/redactor.ts";
import { redactedAnchors } from "../flow/redacted-anchors.ts";
import { anchorFields } from "./anchors.ts";
import { computeAnchors } from "./commit-anchors.ts";
import { readCommit } from "./commits.ts";
import { findLinks, type FoundLinks } from "./link.ts";
import { keepLinks, keptLinks } from "./link-file.ts";
import { readLog } from "./log.ts";
import { checkpointSessions } from "../import/checkpoint-sessions.ts";
import { verifyCheckpoints } from "../verify.ts";
import { explain } from "./explain.ts";
import { findSession } from "./resume/find-session.ts";
import { rewind } from "./rewind/rewind.ts";
import { checkpointsOf } from "./resolve.ts";

let story: Story;

beforeEach(async () => {
  story = await Story.make();
});
afterEach(async () => {
  await story[Symbol.asyncDispose]();
});

const [one, two] = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"] as const;

function find(): Promise<FoundLinks> {
  return findLinks({ repository: story.repository, index: story.index, maxCommits: 1000 });
}

/** A branch of two commits with a checkpoint each, and main, which it begins from, checked out. */
async function branchOfTwo(): Promise<readonly [string, string]> {
  await story.git("checkout", "-q", "-b", "feature");
  const first = await story.commit({ "one.ts": "one\n" }, "Add the first part", { checkpoints: [one] });
  const second = await story.commit({ "two.ts": "two\n" }, "Add the second part", { checkpoints: [two] });
  await story.git("checkout", "-q", "main");
  return [first, second];
}

/** Squashes as a forge does: one commit of its own, without trailers. */
async function squash(message = "Add both (#12)"): Promise<string> {
  await story.git("merge", "-q", "--squash", "feature");
  await story.git("commit", "-q", "-m", message);
  return story.git("rev-parse", "HEAD");
}

async function keepAnchors(commits: readonly (readonly [string, string])[]): Promise<void> {
  for (const [id, commit] of commits) {
    const anchors = await computeAnchors(story.repository, [await readCommit(story.repository, commit)]);
    await story.checkpoint({ id, sessions: [{ sessionId: `s-${id}` }], root: anchorFields(anchors) });
  }
}

/** As a second machine has it: the branch was never here. */
async function forget(): Promise<void> {
  await story.git("branch", "-q", "-D", "feature");
  await story.git("reflog", "expire", "--expire=now", "--all");
  await story.git("gc", "-q", "--prune=now");
}

describe("link", () => {
  it("finds all checkpoints of a branch that was squashed: its end by the tree, what was before by the branch", async () => {
    const [first, second] = await branchOfTwo();
    const squashed = await squash();
    const { links, lost } = await find();
    expect(lost).toBe(2);
    expect(links.map(({ reason: _, ...link }) => link)).toEqual([
      { commit: squashed, checkpoint: two, confidence: "certain", from: second },
      { commit: squashed, checkpoint: one, confidence: "high", from: first },
    ]);
  });

  it("takes no commit of a person for an agent's because it once had the same files", async () => {
    const hour = 3_600_000;
    await story.commit({ "a.ts": "by a person\n" }, "A person's", { atMs: storyMs });
    await story.git("checkout", "-q", "-b", "feature");
    await story.commit({ "a.ts": "tried\n" }, "Try", { checkpoints: [one], atMs: storyMs + hour });
    await story.commit({ "a.ts": null }, "Start again");
    await story.commit({ "a.ts": "by a person\n" }, "A person's", {
      checkpoints: [two],
      atMs: storyMs + hour,
    });
    await story.git("checkout", "-q", "main");
    expect((await find()).links).toEqual([]);
    // Done by a person in one step, before an agent did it in two.
    await story.commit({ "a.ts": "2\n", "b.ts": "2\n" }, "Both", { atMs: storyMs + hour });
    await story.git("checkout", "-q", "-b", "later", "HEAD~");
    const [three, four] = ["cccccccccccc", "dddddddddddd"];
    await story.commit({ "a.ts": "2\n" }, "The first half", {
      checkpoints: [three],
      atMs: storyMs + 2 * hour,
    });
    await story.commit({ "b.ts": "2\n" }, "The other half", {
      checkpoints: [four],
      atMs: storyMs + 2 * hour,
    });
    await story.git("checkout", "-q", "main");
    expect((await find()).links.map(({ confidence }) => confidence)).not.toContain("certain");
  });

  it("finds them on a machine that never had the branch, by what the checkpoints keep", async () => {
    const [first, second] = await branchOfTwo();
    await keepAnchors([
      [one, first],
      [two, second],
    ]);
    const squashed = await squash();
    await forget();
    const { links } = await find();
    // Nothing here tells which of both is older.
    expect(links.map(({ commit, checkpoint, confidence }) => [commit, checkpoint, confidence])).toEqual([
      [squashed, two, "high"],
      [squashed, one, "high"],
    ]);
  });

  it("finds a squash onto a main that has moved by the change of the whole branch", async () => {
    await branchOfTwo();
    await story.commit({ "other.ts": "other\n" }, "Meanwhile");
    const squashed = await squash();
    const { links } = await find();
    expect(
      new Set(links.map(({ commit, checkpoint, confidence }) => `${commit} ${checkpoint} ${confidence}`)),
    ).toEqual(new Set([`${squashed} ${one} high`, `${squashed} ${two} high`]));
  });

  it("finds a commit that was made again elsewhere without its trailer by its patch", async () => {
    await branchOfTwo();
    await story.commit({ "other.ts": "other\n" }, "Meanwhile");
    await story.git("cherry-pick", "--no-commit", "feature~1");
    await story.git("commit", "-q", "-m", "Another message");
    const { links } = await find();
    expect(links).toMatchObject([{ checkpoint: one, confidence: "high" }]);
  });

  it("links by message and files with less confidence where the content was changed in the squash", async () => {
    const [first, second] = await branchOfTwo();
    await keepAnchors([
      [one, first],
      [two, second],
    ]);
    await forget();
    const message = "Both (#12)\n\n* Add the first part\n\n* Add the second part";
    const commit = await story.commit({ "one.ts": "1\n", "two.ts": "2\n", "x.ts": "x\n" }, message);
    const { links } = await find();
    expect(links.map((link) => [link.commit, link.checkpoint, link.confidence])).toEqual([
      [commit, one, "medium"],
      [commit, two, "medium"],
    ]);
  });

  it("links by a message of which the checkpoint keeps only what is no secret", async () => {
    const { repository } = story;
    const secret = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
    const subjects = [`Add the part with ${secret}`, secret] as const;
    await story.git("checkout", "-q", "-b", "feature");
    for (const [at, id] of [one, two].entries()) {
      const commit = await story.commit({ [`${id}.ts`]: "1\n" }, subjects[at]!);
      const anchors = await redactedAnchors({ repository, redactor: redactor() }, [
        await readCommit(repository, commit),
      ]);
      await story.checkpoint({ id, sessions: [{ sessionId: `s-${id}` }], root: anchorFields(anchors) });
    }
    await story.git("checkout", "-q", "main");
    await forget();
    // A rule that cannot be used stops what is written, not what is read.
    await story.git("config", "holdfast.redact", "(");
    const files = { [`${one}.ts`]: "changed\n", [`${two}.ts`]: "changed\n" };
    const commit = await story.commit(files, `Both (#12)\n\n* ${subjects.join("\n* ")}`);
    expect((await find()).links).toMatchObject([{ commit, checkpoint: one, confidence: "medium" }]);
  });

  it("links nothing where no trailer was lost: merges, reverts of reverts, empty commits, commits of people", async () => {
    await story.commit({ "a.ts": "a\n" }, "Add a longer subject", { checkpoints: [one] });
    await story.git("revert", "--no-edit", "HEAD");
    await story.git("revert", "--no-edit", "HEAD");
    await story.git("checkout", "-q", "-b", "feature");
    await story.commit({ "b.ts": "b\n" }, "Add b", { checkpoints: [two] });
    await story.git("checkout", "-q", "main");
    await story.git("merge", "-q", "--no-ff", "-m", "Merge", "feature");
    await story.commit({}, "Empty");
    await story.commit({ "person.ts": "p\n" }, "A person's own");
    const amended = `Amended\n\nEntire-Checkpoint: cccccccccccc`;
    await story.commit({ "c.ts": "c\n" }, "Add what is amended", { checkpoints: ["cccccccccccc"] });
    await story.git("commit", "-q", "--amend", "-m", amended);
    await story.commit({ "c.ts": "another c\n" }, "Add what is amended");
    expect((await find()).links).toEqual([]);
  });

  it("keeps what was found for log and the others, which otherwise look for one commit at a time", async () => {
    await branchOfTwo();
    const squashed = await squash();
    const { repository, index } = story;
    const record = await readCommit(repository, squashed);
    expect(await checkpointsOf({ repository, index }, record)).toMatchObject([
      { id: two, confidence: "certain" },
      { id: one, confidence: "high" },
    ]);
    expect((await readLog({ repository, index, maxCommits: 1 }))[0]?.checkpoints).toEqual([]);
    const { links } = await find();
    expect([keepLinks(repository, links), keepLinks(repository, links)]).toEqual([2, 0]);
    expect(keptLinks(repository).get(squashed)).toHaveLength(2);
    const [logged] = await readLog({ repository, index, maxCommits: 1 });
    expect(logged?.checkpoints).toEqual([
      { id: two, confidence: "certain", facts: null },
      { id: one, confidence: "high", facts: null },
    ]);
    expect(await story.git("rev-parse", "HEAD")).toBe(squashed);
  });

  it("is known on every machine where a checkpoint names its commit, and nothing is lost or noted there", async () => {
    const { repository, source, index } = story;
    const commit = await story.commit({ "run.ts": "run\n" }, "By a run");
    const before = await story.git("rev-parse", "HEAD~");
    const anchors = await computeAnchors(repository, [await readCommit(repository, commit)]);
    const elsewhere = "1".repeat(40);
    const root = { linked_commits: [{ sha: elsewhere }, { sha: commit }, 7], ...anchorFields(anchors) };
    await story.checkpoint({ id: one, sessions: [{ sessionId: "s-1" }], root });
    const link = { id: one, confidence: "certain" };
    expect((await readLog({ repository, index, maxCommits: 1 }))[0]!.checkpoints).toMatchObject([link]);
    expect(await checkpointsOf({ repository, index }, await readCommit(repository, commit))).toMatchObject([
      { ...link, reason: "the checkpoint names it" },
    ]);
    const explained = await explain({ repository, source, id: one, maxPartBytes: 1000 });
    expect(explained.commits.map(({ id }) => id)).toEqual([commit]);
    expect((await findSession({ repository, source, index, name: "main" })).checkpoint).toBe(one);
    expect((await verifyCheckpoints({ repository })).findings.map(({ code }) => code)).not.toContain(
      "checkpoint_without_commit",
    );
    expect(await checkpointSessions(repository, [])).toMatchObject([{ parts: [{ commits: [commit] }] }]);
    expect(await find()).toMatchObject({ links: [], lost: 0 });
    await story.git("reset", "-q", "--hard", before);
    await rewind({ repository, index, checkpoint: one, nowMs: 0, dryRun: false });
    expect(readFileSync(join(story.path, "run.ts"), "utf8")).toBe("run\n");
  });

  it("of several processes that keep links at once are all kept", async () => {
    const { commonDir } = story.repository;
    const each = 40;
    const script = `
      const { keepLinks } = await import(${JSON.stringify(new URL("link-file.ts", import.meta.url).href)});
      const link = (n) => ({ commit: (process.argv[1] + n.toString(16)).padStart(40, "0"), checkpoint: "${one}", confidence: "certain", from: "", reason: "" });
      for (let n = 0; n < ${each}; n += 1) keepLinks({ commonDir: ${JSON.stringify(commonDir)} }, [link(n)]);`;
    const run = (who: string): Promise<unknown> =>
      promisify(execFile)(process.execPath, ["--no-warnings", "--input-type=module", "-e", script, who]);
    await Promise.all([run("a"), run("b")]);
    expect([...keptLinks(story.repository).keys()]).toHaveLength(2 * each);
  });
});
