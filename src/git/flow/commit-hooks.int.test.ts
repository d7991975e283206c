import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LinkedRepository } from "../../../test/git/linked-repository.ts";
import { shapeOfId } from "../format/ids.ts";
import { fieldOf, fieldsOf } from "./spool.ts";

// An editor that puts a subject on the free first line, as a person does.
const editor = { GIT_EDITOR: 'sh -c \'sed -i "1s/^/Subject/" "$1"\' --' };
const none = { checkpoints: [], sessions: [], inText: [] };

let repository: LinkedRepository;
beforeEach(async () => {
  repository = await LinkedRepository.make();
});
afterEach(async () => {
  await repository.fsckClean();
  repository[Symbol.dispose]();
});

describe("a push", () => {
  it("is noted with where it goes, but not one that only shows what it would do", async () => {
    await repository.git(["init", "-q", "--bare", "../remote.git"]);
    await repository.git(["remote", "add", "origin", "../remote.git"]);
    for (const dry of ["--dry-run", "--dr", "-n", "-qfn"])
      await repository.git(["push", dry, "origin", "main"]);
    await repository.git(["-c", "alias.look=push -n", "look", "origin", "main"]);
    expect(repository.events()).toEqual([]);
    await repository.git(["push", "-q", "origin", "main:refs/heads/topic-n"]);
    expect(repository.events().map((event) => fieldOf(event, "remote"))).toEqual(["origin"]);
  });
});

describe("a commit", () => {
  it("is linked to the session that touched what is staged, and noted with what was minted", async () => {
    repository.session("s-1", ["a b", 'quote"d', "new\nline", "ü/ä.txt"]);
    for (const path of ["a b", 'quote"d', "new\nline", "ü/ä.txt"]) {
      const { checkpoints, sessions } = await repository.commit(path);
      expect([checkpoints.map(shapeOfId), sessions]).toEqual([["ulid"], ["s-1"]]);
      const event = repository.events().at(-1)!;
      expect(event).toMatchObject({ kind: "post-commit", body: expect.stringContaining("Change ") });
      expect(fieldsOf(event, "minted")).toEqual(checkpoints);
      expect(fieldsOf(event, "session")).toEqual(["s-1"]);
      expect(fieldOf(event, "commit")).toBe(await repository.git(["rev-parse", "HEAD"]));
      expect(fieldOf(event, "tree")).toBe(await repository.git(["rev-parse", "HEAD^{tree}"]));
      expect(fieldOf(event, "parents")).toBe(await repository.git(["rev-parse", "HEAD~"]));
      expect(fieldOf(event, "worktree")).toBe("@");
    }
    expect(new Set(repository.events().map((event) => fieldOf(event, "minted"))).size).toBe(4);
  });

  it("of files that no session touched has no trailer, though a session has others to commit", async () => {
    repository.session("s-1", ["a"]);
    expect(await repository.commit("b")).toEqual(none);
    expect(await repository.commit("a-longer")).toEqual(none);
    expect(await repository.commit("dir/a")).toEqual(none);
    expect(fieldsOf(repository.events().at(-1)!, "minted")).toEqual([]);
  });

  it("without any session costs no note at all", async () => {
    expect(await repository.commit("a")).toEqual(none);
    expect(repository.events()).toEqual([]);
  });

  it("links every session whose files are staged, with one checkpoint", async () => {
    repository.session("s-1", ["a", "x"]);
    repository.session("s-2", ["a"]);
    repository.session("s-3", ["b"]);
    repository.session("s-4", ["a"], { worktree: "another" });
    repository.session("s-5", ["a"], { lastInteractionAtMs: Date.now() - 8 * 86_400_000 });
    const { checkpoints, sessions } = await repository.commit("a");
    expect([checkpoints.length, sessions]).toEqual([1, ["s-1", "s-2"]]);
  });

  it("by an agent in its turn is linked at once, and with two at work to the one that has the file", async () => {
    repository.session("s-1", [], { phase: "active" });
    const env = { CLAUDECODE: "1" };
    await repository.stage("a");
    await repository.git(["commit", "-qm", "By the agent"], env);
    expect((await repository.trailers()).sessions).toEqual(["s-1"]);
    repository.session("s-2", ["b"], { phase: "active" });
    await repository.stage("b");
    await repository.git(["commit", "-qm", "By one of two"], env);
    expect((await repository.trailers()).sessions).toEqual(["s-2"]);
    await repository.stage("c");
    await repository.git(["commit", "-qm", "By nobody knows whom"], env);
    expect(await repository.trailers()).toEqual(none);
  });

  it("is linked to the session whose process it descends from, whatever is staged", async () => {
    const { ownerProcess } = await import("./owner-process.ts");
    repository.session("s-1", [], { phase: "active", owner: ownerProcess(process.pid)! });
    repository.session("s-2", [], { phase: "active", owner: `${process.pid}:1` });
    expect((await repository.commit("a")).sessions).toEqual(["s-1"]);
  });

  it("in a sibling worktree is linked to the session whose process made it, or to the one that an agent is at work in", async () => {
    const { ownerProcess } = await import("./owner-process.ts");
    const other = join(repository.path, "../other");
    await repository.git(["worktree", "add", "-q", "-b", "other", other]);
    const commit = async (env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
      repository.write("../other/a", `${Math.random()}\n`);
      await repository.git(["-C", other, "add", "a"]);
      await repository.git(["-C", other, "commit", "-qm", "Change a there"], env);
      return (await repository.trailers("other")).sessions;
    };
    const active = { phase: "active" } as const;
    const agent = { CLAUDECODE: "1" };
    repository.session("s-1", ["a"], { ...active, owner: `${process.pid}:1` });
    expect(await commit()).toEqual([]);
    expect(await commit(agent)).toEqual(["s-1"]);
    const minutesAgo = (minutes: number) => ({ lastInteractionAtMs: Date.now() - minutes * 60_000 });
    repository.session("s-1", ["a"], { ...active, ...minutesAgo(16) });
    expect(await commit(agent)).toEqual([]);
    const owner = ownerProcess(process.pid)!;
    repository.session("s-1", ["a"], { ...active, ...minutesAgo(16), owner });
    repository.session("s-2", ["a"], active);
    expect(await commit()).toEqual(["s-1"]);
    repository.session("s-1", ["a"], active);
    expect(await commit(agent)).toEqual([]);
    repository.session("s-3", [], { ...active, worktree: "other" });
    expect(await commit(agent)).toEqual(["s-3"]);
  });

  it("has a hex id where the layout is v1 or v2", async () => {
    await repository.enable({ settings: { layout: "git-branch", mirrors: ["v2"] } });
    repository.session("s-1", ["a"]);
    expect((await repository.commit("a")).checkpoints.map(shapeOfId)).toEqual(["hex"]);
  });

  it("in an editor gets its trailer below a free line, with a comment that does not stay", async () => {
    repository.session("s-1", ["a"]);
    await repository.stage("a");
    await repository.git(["commit", "-q"], editor);
    const { checkpoints } = await repository.trailers();
    expect(await repository.message()).toBe(
      `Subject\n\nEntire-Checkpoint: ${checkpoints[0]}\nAgent-Session: s-1\n`,
    );
  });

  it("is not linked when the person at the editor takes the trailers away", async () => {
    repository.session("s-1", ["a"]);
    await repository.stage("a");
    const without =
      'sh -c \'grep -q Holdfast: "$1" && sed -i -e "1s/^/Subject/" -e /^Entire-/d -e /^Agent-/d "$1"\' --';
    await repository.git(["commit", "-q"], { GIT_EDITOR: without });
    expect(await repository.message()).toBe("Subject\n");
  });

  it.each([
    ["in an editor", "true"],
    ["without one", ":"],
  ])("whose template nobody edited is given up as ever %s, and an edited one is linked", async (_, left) => {
    repository.session("s-1", ["a"]);
    repository.write(".git/template", "# What and why\nSubject:\n\nTell why.\n");
    await repository.git(["config", "commit.template", ".git/template"]);
    await repository.stage("a");
    await expect(repository.git(["commit", "-q"], { GIT_EDITOR: left })).rejects.toThrow(/did not edit/);
    expect(repository.events()).toEqual([]);
    await repository.git(["commit", "-q"], {
      GIT_EDITOR: 'sh -c \'sed -i "s/^Subject:/Subject: a/" "$1"\' --',
    });
    const { checkpoints } = await repository.trailers();
    expect(await repository.message()).toBe(
      `Subject: a\n\nTell why.\n\nEntire-Checkpoint: ${checkpoints[0]}\nAgent-Session: s-1\n`,
    );
  });

  it("with an empty message is given up as ever, and the next one is linked", async () => {
    repository.session("s-1", ["a"]);
    await repository.stage("a");
    await expect(repository.git(["commit", "-q"], { GIT_EDITOR: "true" })).rejects.toThrow(
      /empty commit message/,
    );
    await expect(repository.git(["commit", "-q", "-m", ""])).rejects.toThrow(/empty commit message/);
    expect(repository.events()).toEqual([]);
    await repository.git(["commit", "-q", "-m", "Now"]);
    expect((await repository.trailers()).sessions).toEqual(["s-1"]);
  });

  it("keeps other trailers in one block, and a message without a last newline", async () => {
    repository.session("s-1", ["a", "b"]);
    const { checkpoints } = await repository.commit(
      "a",
      "-m",
      "Subject",
      "-m",
      "Signed-off-by: A <a@example.com>",
    );
    expect(await repository.message()).toBe(
      `Subject\n\nSigned-off-by: A <a@example.com>\nEntire-Checkpoint: ${checkpoints[0]}\nAgent-Session: s-1\n`,
    );
    repository.write("../message", "Only a subject");
    expect((await repository.commit("b", "-F", "../message", "--cleanup=verbatim")).sessions).toEqual([
      "s-1",
    ]);
    expect(await repository.message()).toMatch(/^Only a subject\n\nEntire-Checkpoint: /);
  });

  it("holds when git itself is told to write trailers in another way", async () => {
    await repository.git(["config", "trailer.separators", "=:"]);
    await repository.git(["config", "trailer.where", "start"]);
    await repository.git(["config", "core.commentChar", ";"]);
    await repository.git(["config", "diff.relative", "true"]);
    repository.session("s-1", ["dir/a"]);
    await repository.stage("dir/a");
    await repository.git(["-C", "dir", "commit", "-q"], editor);
    expect(await repository.message()).toMatch(
      /^Subject\n\nEntire-Checkpoint: \w{26}\nAgent-Session: s-1\n$/,
    );
  });

  it("of a part of what changed is linked by that part alone", async () => {
    repository.session("s-1", ["a", "b"]);
    await repository.stage("a");
    await repository.stage("c");
    await repository.git(["commit", "-q", "-m", "Only c", "--", "c"]);
    expect(await repository.trailers()).toEqual(none);
    await repository.stage("b");
    await repository.git(["commit", "-q", "-m", "Only b", "--", "b"]);
    expect((await repository.trailers()).sessions).toEqual(["s-1"]);
    expect(await repository.git(["status", "--porcelain"])).toBe("A  a");
  });

  it("with --no-verify is linked too, because git still asks for the message", async () => {
    repository.session("s-1", ["a"]);
    expect((await repository.commit("a", "--no-verify", "-m", "Quick")).sessions).toEqual(["s-1"]);
  });

  it("from a folder below, with -a, and of a file that is gone, is linked", async () => {
    repository.session("s-1", ["sub/a", "notes.txt"]);
    await repository.stage("sub/a");
    await repository.git(["-C", "sub", "commit", "-q", "-m", "From below"]);
    expect((await repository.trailers()).sessions).toEqual(["s-1"]);
    await repository.git(["rm", "-q", "notes.txt"]);
    await repository.git(["commit", "-q", "-a", "-m", "Gone"]);
    expect((await repository.trailers()).sessions).toEqual(["s-1"]);
  });

  it("starts the worker of this repository, though CDPATH leads to another one", async () => {
    const program = join(repository.path, "../worker.sh");
    const started = join(repository.path, "../started");
    repository.write(
      "../worker.sh",
      `printf %s "$PWD" > '${started}.tmp' && mv '${started}.tmp' '${started}'\n`,
    );
    await repository.enable({ programs: { node: "/bin/sh", program, hook: program } });
    repository.session("s-1", ["a"]);
    repository.write("../decoy/.git/holdfast/bin/none", "");
    await repository.stage("a");
    await repository.git(["commit", "-q", "-m", "A"], { CDPATH: join(repository.path, "../decoy") });
    await vi.waitFor(() => expect(readFileSync(started, "utf8")).toBe(repository.commonDir), 10_000);
  });

  it("is never stopped by what is broken of ours", async () => {
    repository.session("s-1", ["a", "b"]);
    const rubbish = "rubbish\u0000\ns\nf\ns ../../x active 9999999999 @ -\nf a\ns s-1 idle soon @ -\nf a\n";
    repository.write(".git/holdfast/linkable", rubbish);
    expect(await repository.commit("a")).toEqual(none);
    rmSync(join(repository.commonDir, "holdfast"), { recursive: true });
    expect(await repository.commit("b")).toEqual(none);
    writeFileSync(join(repository.commonDir, "holdfast"), "in the way");
    expect(await repository.commit("c")).toEqual(none);
  });
});
