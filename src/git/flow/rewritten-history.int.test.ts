import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LinkedRepository } from "../../../test/git/linked-repository.ts";
import { fieldOf, fieldsOf } from "./spool.ts";

const none = { checkpoints: [], sessions: [], inText: [] };
let repository: LinkedRepository;
beforeEach(async () => {
  repository = await LinkedRepository.make();
});
afterEach(async () => {
  await repository.fsckClean();
  repository[Symbol.dispose]();
});

/** Commits a file that a session has touched, and lets the session have nothing left to commit. */
async function linked(path: string, content = `${path}\n`) {
  repository.session("s-1", [path]);
  await repository.stage(path, content);
  await repository.git(["commit", "-q", "-m", `Change ${path}`]);
  repository.session("s-1");
  return await repository.trailers();
}

describe("an amended commit", () => {
  it("keeps its trailers once, whether its message stays or comes from an editor", async () => {
    const before = await linked("a");
    repository.session("s-1", ["b"]);
    await repository.stage("b");
    await repository.git(["commit", "-q", "--amend", "--no-edit"]);
    expect(await repository.trailers()).toEqual(before);
    await repository.git(["commit", "-q", "--amend"], {
      GIT_EDITOR: "sh -c 'sed -i 1s/Change/Improve/ \"$1\"' --",
    });
    expect(await repository.trailers()).toEqual(before);
    expect(await repository.message()).toBe(
      `Improve a\n\nEntire-Checkpoint: ${before.checkpoints[0]}\nAgent-Session: s-1\n`,
    );
  });

  it("gets them back when its message was written anew, and is told with what it was before", async () => {
    const before = await linked("a");
    const old = await repository.git(["rev-parse", "HEAD"]);
    await repository.git(["commit", "-q", "--amend", "-m", "Anew"]);
    expect(await repository.trailers()).toEqual(before);
    expect(await repository.message()).toMatch(/^Anew\n\nEntire-Checkpoint/);
    const event = repository.events().findLast(({ kind }) => kind === "post-rewrite")!;
    expect(fieldOf(event, "command")).toBe("amend");
    expect(event.body).toBe(`${old} ${await repository.git(["rev-parse", "HEAD"])}\n`);
  });

  it("that had none gets one only for what is added", async () => {
    await repository.commit("a");
    repository.session("s-1", ["b"]);
    await repository.git(["commit", "-q", "--amend", "-m", "Nothing new"]);
    expect(await repository.trailers()).toEqual(none);
    await repository.stage("b");
    await repository.git(["commit", "-q", "--amend", "-m", "With b"]);
    expect((await repository.trailers()).sessions).toEqual(["s-1"]);
  });

  it("is no other commit whose message only speaks of --amend", async () => {
    await linked("a");
    await repository.stage("z");
    await repository.git(["commit", "-q", "-m", "Say what --amend does"]);
    expect(await repository.trailers()).toEqual(none);
  });
});

describe("a commit with the message of another one", () => {
  it.each([
    ["as it is", "-C"],
    ["in an editor", "-c"],
  ])("%s is linked to what that one was, and has a checkpoint of its own for new work", async (_, option) => {
    const { checkpoints: before } = await linked("a");
    await repository.stage("z");
    await repository.git(["commit", "-q", option, "HEAD"], { GIT_EDITOR: "true" });
    expect((await repository.trailers()).checkpoints).toEqual(before);
    expect(fieldsOf(repository.events().at(-1)!, "minted")).toEqual([]);
    repository.session("s-2", ["b"]);
    await repository.stage("b");
    await repository.git(["commit", "-q", option, "HEAD"], { GIT_EDITOR: "true" });
    const { checkpoints, sessions } = await repository.trailers();
    expect([checkpoints.length, checkpoints[0], sessions]).toEqual([2, before[0], ["s-1", "s-2"]]);
    const event = repository.events().at(-1)!;
    expect(fieldsOf(event, "minted")).toEqual(checkpoints.slice(1));
    expect(fieldsOf(event, "inherited")).toEqual(before);
    repository.session("s-2", ["c"]);
    await repository.stage("c");
    await repository.git(["commit", "-q", "--amend", option, "HEAD"], { GIT_EDITOR: "true" });
    expect((await repository.trailers()).checkpoints).toEqual(checkpoints);
  });
});

describe("a merge", () => {
  it("has no trailer of its own, also when it is made by hand after a conflict", async () => {
    await repository.git(["checkout", "-q", "-b", "topic"]);
    await linked("a", "ours\n");
    await repository.git(["checkout", "-q", "main"]);
    await repository.commit("other");
    repository.session("s-1", ["a", "other"]);
    await repository.git(["merge", "-q", "--no-edit", "topic"]);
    expect(await repository.trailers()).toEqual(none);
    await repository.git(["checkout", "-q", "-b", "clash", "HEAD~"]);
    await repository.stage("a", "theirs\n");
    repository.session("s-1", ["a"], { worktree: "elsewhere" });
    await repository.git(["commit", "-q", "-m", "Clash"]);
    repository.session("s-1", ["a"]);
    await expect(repository.git(["merge", "-q", "main"])).rejects.toThrow("git merge");
    await repository.stage("a", "both\n");
    await repository.git(["commit", "-q", "-m", "Merge by hand"]);
    expect(await repository.trailers()).toEqual(none);
  });

  it.each([
    ["with a message", ["-m", "All of it"]],
    ["in an editor", []],
  ])("that is squashed %s inherits the trailers of commits whose files are staged", async (_, args) => {
    await repository.git(["checkout", "-q", "-b", "topic"]);
    const [one, two] = [await linked("a"), await linked("b")];
    await repository.git(["checkout", "-q", "main"]);
    await repository.git(["merge", "-q", "--squash", "topic"]);
    await repository.git(["reset", "-q", "--", "b"]);
    await repository.git(["commit", "-q", ...args], { GIT_EDITOR: "true" });
    expect(await repository.trailers()).toMatchObject({ checkpoints: one.checkpoints, sessions: ["s-1"] });
    expect(fieldsOf(repository.events().at(-1)!, "inherited")).toEqual(one.checkpoints);
    expect(fieldsOf(repository.events().at(-1)!, "minted")).toEqual([]);
    repository.session("s-2", ["b"]);
    await repository.git(["checkout", "-q", "."]).catch(() => undefined);
    await repository.git(["clean", "-qfd"]);
    await repository.git(["merge", "-q", "--squash", "topic"]);
    await repository.git(["commit", "-q", "-m", "The rest"]);
    const { checkpoints, sessions } = await repository.trailers();
    expect(checkpoints.slice(0, -1)).toEqual(two.checkpoints);
    expect(sessions).toEqual(["s-1", "s-2"]);
    expect(fieldsOf(repository.events().at(-1)!, "minted")).toEqual(checkpoints.slice(-1));
  });
});

describe("what git makes anew by itself", () => {
  it("keeps its trailers over an interactive rebase with an edit, a squash and a new order", async () => {
    const made = [await linked("a"), await linked("b"), await linked("c")];
    repository.session("s-9", ["a", "b", "c"]);
    const todo =
      'sh -c \'printf "pick %s\\nsquash %s\\nreword %s\\n" $(git rev-parse HEAD HEAD~2 HEAD~1) > "$1"\' --';
    await repository.git(["rebase", "-q", "-i", "HEAD~3"], { GIT_SEQUENCE_EDITOR: todo, GIT_EDITOR: "true" });
    expect(await repository.trailers("HEAD")).toEqual(made[1]);
    expect((await repository.trailers("HEAD~")).inText).toEqual([
      ...made[2]!.checkpoints,
      ...made[0]!.checkpoints,
    ]);
    const event = repository.events().findLast(({ kind }) => kind === "post-rewrite")!;
    expect(fieldOf(event, "command")).toBe("rebase");
    expect(event.body.trim().split("\n")).toHaveLength(3);
    const picked = repository.events().filter((one) => fieldOf(one, "during")?.includes("rebase") === true);
    expect(picked.length).toBeGreaterThan(0);
  });

  it("is left as it is by cherry-pick and revert, also after a conflict", async () => {
    const made = await linked("a", "one\n");
    const id = await repository.git(["rev-parse", "HEAD"]);
    repository.session("s-9", ["a"]);
    await repository.git(["revert", "--no-edit", id]);
    expect((await repository.trailers()).sessions).toEqual([]);
    await repository.git(["revert", "--no-edit", "HEAD"]);
    await repository.git(["revert", "HEAD"], { GIT_EDITOR: "true" });
    expect((await repository.trailers()).sessions).toEqual([]);
    await repository.git(["cherry-pick", id]);
    expect(await repository.trailers()).toEqual(made);
    await repository.git(["checkout", "-q", "-b", "clash", `${id}~`]);
    repository.session("s-9");
    await repository.stage("a", "another\n");
    await repository.git(["commit", "-q", "-m", "Another"]);
    repository.session("s-9", ["a"]);
    await expect(repository.git(["cherry-pick", id])).rejects.toThrow("could not apply");
    await repository.stage("a", "both\n");
    await repository.git(["cherry-pick", "--continue"], { GIT_EDITOR: "true" });
    expect((await repository.trailers()).checkpoints).toEqual(made.checkpoints);
  });
});

describe("a reset", () => {
  it("lets the new commit inherit the trailers of those whose content it takes again", async () => {
    const [one, two] = [await linked("a"), await linked("b")];
    await repository.git(["reset", "-q", "--soft", "HEAD~2"]);
    await repository.git(["commit", "-q", "-m", "Both at once"]);
    expect(await repository.trailers()).toMatchObject({
      checkpoints: [...one.checkpoints, ...two.checkpoints],
      sessions: ["s-1"],
    });
    expect(fieldsOf(repository.events().at(-1)!, "inherited")).toEqual([
      ...one.checkpoints,
      ...two.checkpoints,
    ]);
  });

  it("lets nothing be inherited by what is other than it was, or is still on a branch", async () => {
    const kept = await linked("a");
    await linked("b");
    await repository.git(["reset", "-q", "HEAD~2"]);
    await repository.stage("a");
    await repository.git(["commit", "-q", "-m", "Other content"]);
    expect(await repository.trailers()).toEqual(none);
    await repository.git(["branch", "keeps", "ORIG_HEAD"]);
    await repository.stage("b", "b\n");
    await repository.git(["commit", "-q", "-m", "Still on a branch"]);
    expect(await repository.trailers()).toEqual(none);
    expect(await repository.trailers("keeps~")).toEqual(kept);
  });

  it("is looked into once, as long as it holds nothing of ours", async () => {
    await repository.commit("a");
    await repository.git(["reset", "-q", "--soft", "HEAD~"]);
    await repository.git(["commit", "-q", "-m", "Again"]);
    const seen = join(repository.commonDir, "holdfast/minted/@.dropped");
    const before = statSync(seen, { bigint: true });
    expect(before.size).toBe(0n);
    await repository.commit("b");
    expect(await repository.trailers()).toEqual(none);
    expect(statSync(seen, { bigint: true }).mtimeNs).toBe(before.mtimeNs);
  });

  it("costs later commits nothing, until one of them has a file as it was dropped", async () => {
    const { checkpoints } = await linked("a");
    const seen = join(repository.commonDir, "holdfast/minted/@.dropped");
    await repository.git(["reset", "-q", "HEAD~"]);
    await repository.commit("b");
    const { mtimeNs } = statSync(seen, { bigint: true });
    await repository.commit("c");
    await repository.commit("a");
    expect(statSync(seen, { bigint: true }).mtimeNs).toBe(mtimeNs);
    await repository.stage("a", "a\n");
    await repository.git(["commit", "-q", "-m", "A again"]);
    expect((await repository.trailers()).checkpoints).toEqual(checkpoints);
  });

  it("of many commits is looked into with as few processes as one of one", async () => {
    const made = [await linked("a"), await linked("b"), await linked("c")];
    await repository.git(["reset", "-q", "--soft", "HEAD~3"]);
    const trace = join(repository.path, "../trace");
    await repository.git(["commit", "-q", "-m", "All at once"], { GIT_TRACE: trace });
    expect((await repository.trailers()).checkpoints).toEqual(made.flatMap(({ checkpoints }) => checkpoints));
    expect(readFileSync(trace, "utf8").match(/built-in: git (?:diff-tree|rev-list)/g)).toHaveLength(1);
  });

  it("of commits with more paths than a commit can wait for leaves those out", async () => {
    const large = await linked("a");
    const folders = `${"folder-with-a-long-name".repeat(8)}/`.repeat(20);
    const blob = await repository.git(["hash-object", "-w", "a"]);
    const paths = Array.from({ length: 1_500 }, (_, at) => `100644 ${blob}\t${folders}${at}`);
    repository.write("../paths", `${paths.join("\n")}\n`);
    await repository.git(["config", "alias.many", "!git update-index --index-info < ../paths"]);
    await repository.git(["many"]);
    await repository.git(["commit", "-q", "--amend", "--no-edit"]);
    const small = await linked("b");
    await repository.git(["reset", "-q", "--soft", "HEAD~2"]);
    await repository.git(["commit", "-q", "-m", "Both at once"]);
    expect((await repository.trailers()).checkpoints).toEqual(small.checkpoints);
    expect(large.checkpoints).toHaveLength(1);
  });
});
