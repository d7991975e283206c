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

const session = { project: "team", session: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };
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
  });

  test("names a process that still runs in the leftover folder", async () => {
    const leftover = leaveBehind(1);
    const env = { ...process.env, CLAUDE_CONFIG_DIR: leftover };
    const child = spawn(process.execPath, ["-e", "console.log(1); process.stdin.resume()"], { env });
    await once(child.stdout, "data");
    expect((await rescue(leftover)).warnings).toEqual([
      expect.stringContaining(`Process ${child.pid} still runs`),
    ]);
    child.kill();
    await once(child, "exit");
  });
});
