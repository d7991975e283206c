import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { checkpointInput, sessionInput, storeText } from "../../test/git/checkpoint-data.ts";
import { gitTestEnv, makeRepository, type TestRepository } from "../../test/git/repositories.ts";
import type { CheckpointInput } from "../git/checkpoint-store.ts";
import { noTokens, type UsageGroup } from "../core/usage.ts";
import { branchRef } from "../git/format/checkpoint-refs.ts";
import { RefsLayout } from "../git/layouts/refs.ts";
import { openRepository } from "../git/plumbing/open-repository.ts";
import type { Repository } from "../git/plumbing/repository.ts";

const [one, two] = ["a3b2c4d5e6f7", "0123456789ab"];
const session = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
const here = process.cwd();
let home: Home;
let place: TestRepository;

beforeEach(async () => {
  home = new Home();
  place = await makeRepository("plain");
});
afterEach(async () => {
  process.chdir(here);
  await place.fsckClean();
  place[Symbol.dispose]();
  home[Symbol.dispose]();
});

async function holdfast(...args: readonly string[]) {
  process.chdir(place.path);
  return await home.runInside([...args], { env: { ...gitTestEnv, HOME: home.folder } });
}

async function json(...args: readonly string[]): Promise<Record<string, never>> {
  const { stdout, stderr } = await holdfast(...args, "--json");
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, never>;
}

const message = (number: number, text = `Answer ${number}`): string =>
  JSON.stringify({
    type: "assistant",
    uuid: `00000000-0000-4000-8000-00000000000${number}`,
    parentUuid: number === 1 ? null : `00000000-0000-4000-8000-00000000000${number - 1}`,
    sessionId: session,
    timestamp: `2026-05-01T10:00:0${number}.000Z`,
    requestId: `req_${number}`,
    message: {
      ...{ id: `msg_${number}`, type: "message", role: "assistant", model: "claude-sonnet-4-5" },
      content: [{ type: "text", text }],
      usage: { input_tokens: 10, output_tokens: number },
    },
  });

async function write(
  id: string,
  sessionId: string,
  text: string,
  metadata = {},
  more: (repository: Repository) => Promise<Partial<CheckpointInput>> = async () => ({}),
): Promise<void> {
  await using repository = await openRepository({ cwd: place.path, env: gitTestEnv });
  const given = { created_at: "2026-05-01T10:00:00Z", agent: "Claude Code", ...metadata };
  const transcript = await storeText(repository, text);
  const input = await sessionInput(repository, sessionId, { transcript, metadata: given });
  await new RefsLayout(repository).write(checkpointInput(id, [input], await more(repository)));
}

test("import brings each session once, with its usage and its commits", async () => {
  await write(one, `2026-05-01-${session}`, `${message(1)}\n${message(2)}\n`);
  await write(two, session, `${message(1)}\n${message(2)}\n${message(3)}\n`);
  const log = `${JSON.stringify({ type: "message", payload: { text: "hello" } })}\n`;
  const usage = { token_usage: { input_tokens: 7, output_tokens: 5 }, model: "gpt-5", agent: "Codex" };
  await write("ffffffffffff", "codex-session", log + log, usage);
  await place.git(
    "commit",
    "-q",
    "--allow-empty",
    "-m",
    `Work\n\nEntire-Checkpoint: ${one}\nEntire-Checkpoint: ${two}`,
  );

  expect((await holdfast("git", "import", "--dry-run")).stdout).toContain("Would import 2 sessions");
  expect(await json("git", "import")).toMatchObject({
    import: { sessions: 2, entries: 5, duplicates: 0, links: 1, problems: [] },
  });
  expect(await json("git", "import")).toMatchObject({ import: { entries: 0, links: 0, problems: [] } });
  const { sessions } = (await json("list")) as unknown as {
    sessions: { session: string; provider: string; project: string }[];
  };
  expect(new Map(sessions.map((row) => [row.session, row.provider]))).toEqual(
    new Map([
      [session, "claude-code"],
      ["codex-session", "codex"],
    ]),
  );
  expect((await holdfast("show", session)).stdout).toContain("Answer 3");
  const used = JSON.stringify(await json("usage", "--by", "model"));
  expect(used).toContain("claude-sonnet-4-5");
  expect(used).toContain("gpt-5");
  expect(readdirSync(join(place.path, ".git", "holdfast", "import"))).toEqual([]);
});

test("a session that was imported from Claude's folder is not doubled, and keeps its words", async () => {
  const folder = join(home.claude, "projects", place.path.replaceAll(/[^a-zA-Z0-9]/g, "-"));
  mkdirSync(folder, { recursive: true });
  const secret = `ghp_${"a1B2c3D4".repeat(4)}`;
  const titleOf = (text: string): string => `{"type":"summary","summary":"${text}","leafUuid":"x"}`;
  const [title, plain] = [titleOf(secret), titleOf("hello")];
  writeFileSync(
    join(folder, `${session}.jsonl`),
    `${plain}\n${title}\n${message(1, "secret")}\n${message(2)}\n`,
  );
  expect((await holdfast("import", "--config-dir", home.claude)).code).toBe(0);
  const redacted = [plain, titleOf("REDACTED"), message(1, "REDACTED"), message(2), message(3)];
  await write(one, session, `${redacted.join("\n")}\n`);
  expect(await json("git", "import")).toMatchObject({ import: { sessions: 1, entries: 1, problems: [] } });
  const { stdout } = await holdfast("show", session, "--raw");
  expect(stdout).toContain("secret");
  expect(stdout).toContain("Answer 3");
  expect(stdout).not.toContain('"REDACTED"');
  // Another one of the same form, which stands for none of those that are there.
  await write(two, session, `${[...redacted, titleOf("REDACTED")].join("\n")}\n`);
  expect(await json("git", "import")).toMatchObject({ import: { entries: 1, problems: [] } });
});

test("import loses no turn of a session whose checkpoints hold different parts of it", async () => {
  const title = (text: string): string => JSON.stringify({ type: "summary", summary: text, leafUuid: "x" });
  const at = (day: number): object => ({ created_at: `2026-05-0${day}T10:00:00Z` });
  await write(one, session, `${message(1)}\n${message(2)}\n`, at(1));
  await write("bbbbbbbbbbb2", session, `${[1, 2, 3, 4].map((n) => message(n)).join("\n")}\n`, at(2));
  await write("bbbbbbbbbbb3", session, `${message(5)}\n${title("key REDACTED")}\n${message(6)}\n`, at(3));
  expect(await json("git", "import", "--dry-run")).toMatchObject({ import: { sessions: 1, problems: [] } });
  expect(await json("git", "import")).toMatchObject({
    import: { sessions: 1, entries: 7, duplicates: 0, problems: [] },
  });
  const { stdout } = await holdfast("show", session, "--raw");
  expect(stdout.match(/Answer \d|key REDACTED/g)).toEqual([
    ...["Answer 1", "Answer 2", "Answer 3", "Answer 4", "Answer 5"],
    ...["key REDACTED", "Answer 6"],
  ]);
  // What came from a checkpoint is there, what is new beside it is not taken for it.
  const later = [message(5), title("key REDACTED"), title("REDACTED too"), message(7)].join("\n");
  await write("bbbbbbbbbbb4", session, later, at(4));
  expect(await json("git", "import")).toMatchObject({ import: { entries: 2, problems: [] } });
  expect(await json("git", "import")).toMatchObject({ import: { entries: 0, problems: [] } });
});

test("import brings a subagent's transcript as the session's, and tells of one that belongs to none", async () => {
  const own = message(1).replace(/"uuid"/, '"agentId":"a1","isSidechain":true,"uuid"');
  const task = async (repository: Repository, agentId: string, text: string) => ({
    ...{ toolUseId: `toolu_${agentId}`, task: { subagent_type: "Explore" }, agentId },
    transcript: await storeText(repository, text),
  });
  await write(one, session, `${message(2)}\n`, {}, async (repository) => ({
    tasks: [
      await task(repository, "a1", `${own}\n`),
      await task(repository, "b2", `${own.replace(session, "elsewhere")}\n`),
    ],
  }));
  await write(one, "other", `${JSON.stringify({ type: "message" })}\n`);
  const report = await holdfast("git", "import", "--json");
  expect(report.code).toBe(3);
  expect(JSON.parse(report.stdout)).toMatchObject({
    import: { sessions: 2, entries: 3, problems: [expect.stringContaining("agent-b2.jsonl")] },
  });
  const { stdout } = await holdfast("show", session, "--log", "subagents/agent-a1", "--raw");
  expect(stdout).toBe(`${own}\n`);
});

test("import counts what an agent used as its checkpoints say, whether in parts or in sums", async () => {
  const line = (number: number): string => `${JSON.stringify({ type: "message", number })}\n`;
  const used = (input: number, day: number, more = {}) => ({
    ...{ created_at: `2026-05-0${day}T10:00:00Z`, agent: "Codex", model: "gpt-5" },
    token_usage: { input_tokens: input, ...more },
  });
  const subagents = { cache_creation_tokens: 9, cache_creation_1h_tokens: 4 };
  await write("aaaaaaaaaaa1", "old", line(1), used(100, 1));
  await write("aaaaaaaaaaa2", "old", line(1) + line(2), used(250, 2));
  const inParts = async () => ({ root: { token_usage_version: 2 } });
  await write("bbbbbbbbbbb1", "new", line(1), used(10, 1), inParts);
  await write(
    "bbbbbbbbbbb2",
    "new",
    line(1) + line(2),
    used(20, 2, { subagent_tokens: { input_tokens: 3, ...subagents } }),
    inParts,
  );
  await json("git", "import");
  await write("aaaaaaaaaaa3", "old", line(1) + line(2) + line(3), used(300, 3));
  await json("git", "import");
  const { groups } = (await json("usage", "--by", "session")) as unknown as { groups: UsageGroup[] };
  expect(groups.map(({ name, tokens }) => [name?.split("/").at(-1), tokens])).toEqual([
    ["new", { ...noTokens, input: 33, cacheWrite5m: 5, cacheWrite1h: 4 }],
    ["old", { ...noTokens, input: 300 }],
  ]);
});

test("a transcript that is not here is told, and the other sessions come", async () => {
  await write(one, session, `${message(1)}\n`);
  await write(two, "gone", "");
  const report = await holdfast("git", "import", "--json");
  expect(report.code).toBe(3);
  expect(JSON.parse(report.stdout)).toMatchObject({
    import: {
      sessions: 1,
      entries: 1,
      problems: [expect.stringContaining("gone: no checkpoint has its transcript")],
    },
  });
});

test("migrate, verify and repair tell what they did in words and by their exit codes", async () => {
  await write(one, session, `${message(1)}\n`);
  await place.git("commit", "-q", "--allow-empty", "-m", `Work\n\nEntire-Checkpoint: ${one}`);
  expect(await holdfast("git", "migrate", "--from", "git-refs", "--to", "git-branch")).toMatchObject({
    code: 0,
    stdout: "Carried over 1 checkpoint from git-refs to git-branch, with more of 0 others; 0 unchanged.\n",
  });
  expect((await holdfast("git", "migrate", "--from", "v2", "--to", "v2")).code).toBe(2);
  expect(await holdfast("git", "verify")).toMatchObject({
    code: 0,
    stdout:
      "Looked at 1 checkpoint in git-refs, 1 checkpoint in git-branch: 0 errors, 0 warnings, 0 notes.\n",
  });
  await place.git("update-ref", `refs/entire/checkpoints/a3/${one}`, `refs/entire/checkpoints/f7/${one}`);
  const found = await holdfast("git", "verify");
  expect([found.code, found.stdout]).toEqual([3, expect.stringContaining("(shard_wrong)")]);
  expect((await holdfast("git", "repair", "--dry-run")).stdout).toContain("Would do 1 repair; 0 left.");
  expect((await holdfast("git", "repair")).code).toBe(0);
  expect((await holdfast("git", "verify")).code).toBe(0);

  await place.git("update-ref", "-d", `refs/entire/checkpoints/f7/${one}`);
  await place.git("update-ref", "-d", branchRef);
  const clone = await holdfast("git", "verify");
  expect([clone.code, clone.stdout]).toEqual([3, expect.stringContaining("holdfast git fetch --all")]);
  expect(clone.stdout).not.toContain("git repair");
});
