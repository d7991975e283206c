import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import { rescueSession } from "./rescue.ts";

let folder: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-rescue-"));
  store = openMemoryStore();
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

// Of this run alone: processes are told by it, and the same tests may run twice on one machine.
const session = { project: "team", session: crypto.randomUUID() as string };
const lines = [null, "u1", "u2", "u3"].map((parentUuid, index) => ({
  type: index % 2 === 0 ? "user" : "assistant",
  timestamp: `2026-03-01T10:00:0${index}.000Z`,
  uuid: `u${index + 1}`,
  parentUuid,
}));

function leaveBehind(count: number): string {
  const leftover = join(folder, "claude-resume-1");
  mkdirSync(join(leftover, "projects", "-home-dev"), { recursive: true });
  const text = lines.slice(0, count).map((line) => `${JSON.stringify(line)}\n`);
  writeFileSync(join(leftover, "projects", "-home-dev", `${session.session}.jsonl`), text.join(""));
  return leftover;
}

async function mirror(...indexes: number[]): Promise<void> {
  const entries = indexes.map((index) => ({ body: JSON.stringify(lines[index]), uuid: lines[index]!.uuid }));
  await store.append({ log: { ...session, log: "" }, entries });
}

async function append(line: { readonly uuid: string; readonly [field: string]: unknown }): Promise<void> {
  await store.append({
    log: { ...session, log: "" },
    entries: [{ body: JSON.stringify(line), uuid: line.uuid }],
  });
}

/** The uuids in the order in which a resume is given them. */
async function loaded(): Promise<unknown[]> {
  const key = { projectKey: session.project, sessionId: session.session };
  return (await claudeSessionStore(store).load(key))!.map(({ uuid }) => uuid);
}

const rescue = (leftover: string) =>
  rescueSession({ store, session, configDir: join(folder, "none"), resumeDirs: [leftover] });

describe("rescueSession", () => {
  test("adds the turn that a killed host never mirrored, once", async () => {
    await mirror(0, 1);
    const report = await rescue(leaveBehind(4));
    expect(report).toMatchObject({
      imported: { entries: 2, duplicates: 2 },
      warnings: [],
      verified: { entries: 4, findings: [] },
    });
    expect((await rescue(leaveBehind(4))).imported.entries).toBe(0);
  });

  test.each([
    ["the first batch", [1, 2, 3]],
    ["a middle batch", [0, 2, 3]],
    ["two batches", [0, 3]],
    ["the first and the last", [1, 2]],
    ["all but the last", [3]],
  ])(
    "reads %s where it belongs, though it came late, and changes nothing when run again",
    async (_, there) => {
      await mirror(...there);
      const report = await rescue(leaveBehind(4));
      expect(report).toMatchObject({ imported: { entries: 4 - there.length }, warnings: [] });
      expect(report.imported.moved).toBeGreaterThan(0);
      expect(report.verified.findings).toEqual([]);
      expect(await loaded()).toEqual(lines.map(({ uuid }) => uuid));
      expect((await rescue(leaveBehind(4))).imported).toMatchObject({ entries: 0, moved: 0 });
      expect(await loaded()).toEqual(lines.map(({ uuid }) => uuid));
    },
  );

  test("reads a late block where it belongs though it is longer than one piece of its file", async () => {
    const long = lines.map((line) => ({
      ...line,
      timestamp: lines[0]!.timestamp,
      text: "x".repeat(900_000),
    }));
    for (const at of [0, 3]) await append(long[at]!);
    const leftover = leaveBehind(0);
    const path = join(leftover, "projects", "-home-dev", `${session.session}.jsonl`);
    writeFileSync(path, long.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await rescue(leftover);
    expect(await loaded()).toEqual(["u1", "u2", "u3", "u4"]);
  });

  test("keeps a turn the newest that was made after the crash, and says that there are two branches", async () => {
    const later = { ...lines[2]!, uuid: "later", timestamp: "2026-03-01T12:00:00.000Z" };
    await mirror(0, 1);
    await append(later);
    const report = await rescue(leaveBehind(4));
    expect(await loaded()).toEqual(["u1", "u2", "u3", "u4", "later"]);
    expect(report.verified.findings).toMatchObject([{ code: "branch" }]);
  });

  test("puts what an orphan wrote after the newer turn behind that turn", async () => {
    await mirror(0);
    await append({ ...lines[1]!, uuid: "earlier", timestamp: "2026-03-01T09:00:00.000Z" });
    await rescue(leaveBehind(4));
    expect(await loaded()).toEqual(["u1", "earlier", "u2", "u3", "u4"]);
  });

  test("keeps what the store has and the file has not, and finds a lost subagent", async () => {
    await mirror(0, 1, 2, 3);
    await append({ type: "user", uuid: "only-here", parentUuid: "u4" });
    const leftover = leaveBehind(2);
    const folderOfAgents = join(leftover, "projects", "-home-dev", session.session, "subagents");
    mkdirSync(folderOfAgents, { recursive: true });
    writeFileSync(join(folderOfAgents, "agent-1.jsonl"), `${JSON.stringify(lines[0])}\n`);
    expect((await rescue(leftover)).imported).toMatchObject({ entries: 1, moved: 0 });
    expect(await loaded()).toEqual(["u1", "u2", "u3", "u4", "only-here"]);
    expect((await rescue(leftover)).imported).toMatchObject({ entries: 0, moved: 0, duplicates: 3 });
  });

  test("names a process that still runs in the leftover folder", async () => {
    const leftover = leaveBehind(1);
    const { pid, end } = await startProcess({ env: { CLAUDE_CONFIG_DIR: leftover } });
    expect((await rescue(leftover)).warnings).toEqual([expect.stringContaining(`Process ${pid} still runs`)]);
    await end();
    expect((await rescue(leftover)).warnings).toEqual([]);
  });

  test.each([
    ["resumes it", ["--resume", session.session], 1],
    ["started it", [`--session-id=${session.session}`], 1],
    ["forks it, and writes to the fork", [`--resume=${session.session}`, "--fork-session"], 0],
    ["only names it", ["rescue", session.session], 0],
  ])("tells of a process by its arguments: one that %s", async (_, words, count) => {
    const { pid, end } = await startProcess({ words });
    const { warnings } = await rescue(join(folder, "none"));
    await end();
    expect(warnings).toHaveLength(count);
    for (const warning of warnings) expect(warning).toContain(`Process ${pid} still runs this session`);
  });

  test("never tells the user to end an agent that runs another session", async () => {
    const [leftover, other] = [leaveBehind(1), join(folder, "claude-resume-2")];
    mkdirSync(join(other, "projects", "-home-dev"), { recursive: true });
    writeFileSync(join(other, "projects", "-home-dev", "other.jsonl"), "{}\n");
    const { end } = await startProcess({ env: { CLAUDE_CONFIG_DIR: other } });
    const { warnings } = await rescueSession({
      store,
      session,
      configDir: join(folder, "none"),
      resumeDirs: [leftover, other],
    });
    await end();
    expect(warnings).toEqual([]);
  });

  test("says that a subagent was removed, and leaves it so", async () => {
    await mirror(0, 1, 2, 3);
    const leftover = leaveBehind(4);
    const folderOfAgents = join(leftover, "projects", "-home-dev", session.session, "subagents");
    mkdirSync(folderOfAgents, { recursive: true });
    writeFileSync(join(folderOfAgents, "agent-1.jsonl"), `${JSON.stringify(lines[0])}\n`);
    await rescue(leftover);
    await store.drop({ session, log: "subagents/agent-1", actor: "ann" });
    const { warnings, imported } = await rescue(leftover);
    expect(imported.entries).toBe(0);
    expect(warnings).toEqual([expect.stringContaining("subagents/agent-1 was removed from the store")]);
  });

  test("says that a session was removed, instead of that all is well", async () => {
    await mirror(0);
    await store.drop({ session, actor: "ann" });
    const { warnings, imported } = await rescue(leaveBehind(4));
    expect(imported).toMatchObject({ entries: 0, droppedSessions: [session.session] });
    expect(warnings).toEqual([expect.stringContaining("was removed from the store")]);
  });
});

async function startProcess({ env = {}, words = [] }: ProcessParams) {
  const script = "console.log(1); process.stdin.resume()";
  const child = spawn(process.execPath, ["-e", script, "--", ...words], { env: { ...process.env, ...env } });
  await once(child.stdout, "data");
  const end = async (): Promise<void> => {
    child.kill();
    await once(child, "exit");
  };
  return { pid: child.pid, end };
}

interface ProcessParams {
  readonly env?: Readonly<Record<string, string>>;
  readonly words?: readonly string[];
}
