import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { damages } from "../../test/git/damaged-objects.ts";
import { gitTestEnv } from "../../test/git/repositories.ts";
import { branchRef, v2MainRef } from "../git/format/checkpoint-refs.ts";
import { refOfCheckpoint } from "../git/format/ids.ts";
import { answers, calls, claudeTranscript, prompt, says, Story, storyMs } from "../../test/git/story.ts";

const id = "a1b2c3d4e5f6";
const session = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
const secret = "sk-ant-REDACTED";
const here = process.cwd();
let home: Home;
let story: Story;

beforeEach(async () => {
  home = new Home();
  story = await Story.make();
  process.chdir(story.path);
});
afterEach(async () => {
  process.chdir(here);
  home[Symbol.dispose]();
  await story[Symbol.asyncDispose]();
});

async function holdfast(
  ...args: readonly string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { HOME: _, ...env } = gitTestEnv;
  return await home.runInside(["git", ...args], { env });
}

/** A checkpoint with a subject, a secret, and an escape that would move a terminal's cursor. */
async function tell(): Promise<string> {
  const transcript = claudeTranscript(session, [
    prompt(`Add it with ${secret}\u001b[2J`),
    calls("t1", "Write", { file_path: "/home/dev/project/add.ts", content: "export const added = 1;\n" }),
    answers("t1", { text: "written" }),
    says("Added."),
  ]);
  const usage = { input_tokens: 1200, output_tokens: 300, api_call_count: 2 };
  const metadata = {
    created_at: "2026-02-03T06:00:00Z",
    agent: "Claude Code",
    model: "claude-opus-4-5",
    token_usage: usage,
    files_touched: ["add.ts"],
  };
  const text = `Add it with ${secret}\u001b[2J`;
  await story.checkpoint({
    id,
    sessions: [{ sessionId: session, transcript, prompt: text, metadata }],
    root: { branch: "main", token_usage: usage },
  });
  return await story.commit({ "add.ts": "export const added = 1;\n" }, "Add it", {
    checkpoints: [id],
    atMs: storyMs + 60_000,
  });
}

const redacted = "Add it with REDACTED␛[2J";

describe("holdfast git log, list, explain and why", () => {
  it("show people what was asked and done, redacted and harmless to a terminal", async () => {
    const commit = await tell();
    const log = await holdfast("log", "-n", "1");
    expect(log.stdout).toBe(
      `${commit.slice(0, 10)} 2025-06-15 15:06 Add it\n  ${id}  Claude Code · 1.5k tokens\n    ❯ ${redacted}\n`,
    );
    const list = await holdfast("list");
    expect(list.stdout).toContain(
      `${id}  2026-02-03 06:00  main    Claude Code  1         1.5k    ${redacted}\n`,
    );
    const explained = await holdfast("explain", "HEAD");
    expect(explained.stdout).toContain(
      `Checkpoint ${id}\ncommit ${commit.slice(0, 10)} Add it\nbranch main · 2026-02-03 06:00 · 1 file · 1.5k tokens\n`,
    );
    expect(explained.stdout).toContain("▸ Write /home/dev/project/add.ts → written\n");
    expect(explained.stdout).toContain("about $0.01\n");
    const why = await holdfast("why", "add.ts:1");
    expect(why).toMatchObject({ code: 0, stderr: "" });
    expect(why.stdout).toContain(
      `Claude Code session ${session}, Write at 2026-02-03 06:00\n❯ ${redacted}\nhigh confidence: `,
    );
    for (const { stdout } of [log, list, explained, why])
      expect([stdout.includes(secret), stdout.includes("\u001b")]).toEqual([false, false]);
  });

  it("say the same as JSON", async () => {
    const commit = await tell();
    const json = async (...args: readonly string[]): Promise<unknown> => {
      const { stdout } = await holdfast(...args, "--json");
      expect(stdout).not.toContain(secret);
      return JSON.parse(stdout);
    };
    expect(await json("log", "-n", "1")).toMatchObject({
      schemaVersion: 1,
      commits: [
        { id: commit, checkpoints: [{ id, confidence: "trailer", facts: { sessions: [{ session }] } }] },
      ],
    });
    expect(await json("list")).toMatchObject({ total: 1, checkpoints: [{ id, atMs: storyMs }] });
    expect(await json("explain", id)).toMatchObject({
      checkpoints: [{ id, explained: { sessions: [{ part: { lines: { length: 4 } } }] } }],
    });
    expect(await json("why", "add.ts:1")).toMatchObject({
      why: { commit: { id: commit }, turn: { session, sure: "high" } },
    });
    expect(await json("link")).toMatchObject({ links: [], written: false });
    expect(await json("rewind", id, "--dry-run")).toMatchObject({ dryRun: true, paths: [], kept: null });
  });

  it("tell of refs that cannot be read, and show all others", async () => {
    await tell();
    await story.commit({ "b.ts": "b\n" }, "Lost", { checkpoints: ["ffffffffffff"] });
    const [main, lost] = ["refs/entire/checkpoints/v2/main", "refs/entire/checkpoints/ff/ffffffffffff"];
    const blob = await story.git("rev-parse", "HEAD:b.ts");
    for (const [ref, target] of [
      [main, blob],
      [lost, "1".repeat(40)],
    ] as const) {
      mkdirSync(dirname(join(story.path, ".git", ref)), { recursive: true });
      writeFileSync(join(story.path, ".git", ref), `${target}\n`);
    }
    const list = await holdfast("list");
    expect(list.code).toBe(3);
    expect(list.stdout).toContain(`${id}  2026-02-03`);
    const told = list.stderr.trim().split("\n");
    expect(told).toHaveLength(2);
    for (const [index, ref] of [main, lost].entries())
      expect(told[index]).toMatch(new RegExp(`${ref} .*holdfast git verify`));
    expect(await holdfast("log", "-n", "2")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${id}  Claude Code`),
      stderr: list.stderr,
    });
    const imported = await holdfast("import", "--json");
    expect(imported.code).toBe(3);
    expect(JSON.parse(imported.stdout)).toMatchObject({
      import: {
        sessions: 1,
        problems: [expect.stringContaining(lost), expect.stringContaining(main)],
      },
    });
    for (const ref of [main, lost]) rmSync(join(story.path, ".git", ref));
  });

  it("tell of a checkpoint whose ref is damaged, and of the others as ever", async () => {
    await tell();
    const other = "b1b2c3d4e5f6";
    await story.checkpoint({
      id: other,
      sessions: [{ sessionId: session, transcript: "", prompt: "Do", metadata: {} }],
    });
    writeFileSync(join(story.repository.commonDir, refOfCheckpoint(id)), "");
    const list = await holdfast("list");
    expect(list.stdout).toContain(other);
    expect(list.stderr).toContain(`The ref ${refOfCheckpoint(id)} holds neither an id nor another's name.`);
    expect(await holdfast("explain", other, "--no-transcript")).toMatchObject({
      ...{ code: 0, stderr: expect.stringContaining(refOfCheckpoint(id)) as string },
    });
    expect(await holdfast("import", "--dry-run")).toMatchObject({
      ...{ code: 3, stderr: expect.stringContaining(refOfCheckpoint(id)) as string },
    });
    rmSync(join(story.repository.commonDir, refOfCheckpoint(id)));
  });

  it.each([
    ["git-branch", branchRef],
    ["v2", v2MainRef],
  ])(
    "tell of the checkpoints in %s that are in a shard that is not here, and end with 3",
    async (to, ref) => {
      await tell();
      const other = "b1b2c3d4e5f6";
      await story.checkpoint({
        id: other,
        sessions: [{ sessionId: session, transcript: "", prompt: "Do", metadata: {} }],
      });
      expect(await holdfast("migrate", "--from", "git-refs", "--to", to)).toMatchObject({ code: 0 });
      for (const one of [id, other]) await story.git("update-ref", "-d", refOfCheckpoint(one));
      const putBack = await damages.lose(story.repository, `${ref}:${id.slice(0, 2)}`);
      const stderr = expect.stringContaining(`${ref} holds `) as string;
      const stdout = expect.stringContaining(other) as string;
      expect(await holdfast("list")).toMatchObject({ code: 3, stdout, stderr });
      expect(await holdfast("import", "--dry-run")).toMatchObject({ code: 3, stderr });
      expect(await holdfast("migrate", "--from", to, "--to", "git-refs", "--dry-run")).toMatchObject({
        ...{ code: 3, stderr },
      });
      putBack();
    },
  );

  it("end with 3 where nobody can tell, and with 2 where nothing is named", async () => {
    await story.commit({ "hand.txt": "by hand\n" }, "By hand");
    expect(await holdfast("why", "hand.txt:1")).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("no checkpoint"),
    });
    expect(await holdfast("explain", "HEAD")).toMatchObject({ code: 3 });
    await story.commit({ "away.txt": "away\n" }, "Away", { checkpoints: ["ffffffffffff"] });
    expect(await holdfast("why", "away.txt:1")).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("holdfast git fetch ffffffffffff"),
    });
    expect(await holdfast("explain", "HEAD")).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("holdfast git fetch ffffffffffff"),
    });
    for (const args of [
      ["why", "hand.txt"],
      ["why", "hand.txt:7"],
      ["log", "nowhere"],
      ["log", "--", "--all"],
      ["rewind"],
      ["rewind", id, "--undo"],
    ])
      expect(await holdfast(...args), args.join(" ")).toMatchObject({ code: 2, stdout: "" });
    expect(await holdfast("explain", "nothing")).toMatchObject({ code: 1, stdout: "" });
  });
});

describe("holdfast git resume, rewind and link", () => {
  it("put a session back and print the command alone on stdout", async () => {
    await tell();
    const done = await holdfast("resume", "main");
    expect(done).toMatchObject({ code: 0, stdout: `claude --resume ${session}\n` });
    const file = join(
      home.claude,
      "projects",
      story.path.replaceAll(/[^a-zA-Z0-9]/g, "-"),
      `${session}.jsonl`,
    );
    expect(readFileSync(file, "utf8")).toContain(`"cwd":"${story.path}"`);
    expect((await holdfast("resume", id)).stderr).toContain("was not touched");
  });

  it("take files back and bring them forth again", async () => {
    await tell();
    await story.commit({ "add.ts": "export const added = 2;\n" }, "Change it");
    const done = await holdfast("rewind", id);
    expect(done.stdout).toContain("  changed add.ts\n");
    expect(done.stdout).toContain("Take it back with: holdfast git rewind --undo\n");
    expect(readFileSync(join(story.path, "add.ts"), "utf8")).toBe("export const added = 1;\n");
    expect(await holdfast("rewind", "--undo")).toMatchObject({ code: 0 });
    expect(readFileSync(join(story.path, "add.ts"), "utf8")).toBe("export const added = 2;\n");
    expect(await holdfast("rewind", "--undo")).toMatchObject({ code: 1 });
  });

  it("find a commit that lost its trailer, and keep it where it is asked for", async () => {
    await tell();
    await story.git("commit", "-q", "--amend", "-m", "Without");
    expect((await holdfast("link")).stdout).toContain(`${id}  certain: `);
    expect((await holdfast("log", "-n", "1")).stdout).not.toContain(id);
    expect((await holdfast("link", "--write")).stdout).toContain("1 new link kept");
    expect((await holdfast("log", "-n", "1")).stdout).toContain(
      `${id}  Claude Code · 1.5k tokens (linked without a trailer, certain confidence)`,
    );
    expect((await holdfast("why", "add.ts:1")).stdout).toContain(
      "(linked without a trailer, certain confidence)",
    );
  });
});
