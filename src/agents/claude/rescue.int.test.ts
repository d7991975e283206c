import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
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

  test("warns where what it added belongs before what was there", async () => {
    await mirror(0, 3);
    const report = await rescue(leaveBehind(4));
    expect(report.imported.entries).toBe(2);
    expect(report.warnings).toEqual([expect.stringContaining("belong before others")]);
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
