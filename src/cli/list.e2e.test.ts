import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openSqliteStore } from "../stores/sqlite/index.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  path = join(folder, "holdfast.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("holdfast list", () => {
  test("prints the newest session first, and control characters harmless", async () => {
    await fill();
    const { stdout, status } = holdfast("list");
    expect(status).toBe(0);
    expect(stdout).not.toContain("\u001b");
    expect(stdout.indexOf("s2")).toBeLessThan(stdout.indexOf("s1"));
  });

  test("prints JSON with a schema version", async () => {
    await fill();
    const answer = JSON.parse(holdfast("list", "--json", "--title", "FIR").stdout) as {
      sessions: { session: string }[];
    };
    expect(answer).toMatchObject({ schemaVersion: 1 });
    expect(answer.sessions.map(({ session }) => session)).toEqual(["s1"]);
  });

  test("says what to do where there is no store, makes none, and exits 1", () => {
    const { stdout, stderr, status } = holdfast("list");
    expect([stdout, status]).toEqual(["", 1]);
    expect(stderr).toMatch(/^holdfast: There is no store at .*\n$/);
  });

  test.for([
    ["list", "--limit", "none"],
    ["list", "--nonsense"],
    ["nonsense"],
    ["--store", "redis://x", "list"],
  ])("exits 2 for %j", async (args) => {
    await fill();
    expect(holdfast(...args).status).toBe(2);
  });

  test("prints its version", () => {
    expect(holdfast("--version").stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

async function fill(): Promise<void> {
  let at = 1_790_000_000_000;
  const store = openSqliteStore({ path, clock: { now: () => (at += 1000) } });
  for (const [session, title] of [
    ["s1", "first"],
    ["s2", "red \u001b[31m"],
  ] as const) {
    await store.append({ log: { project: "p", session, log: "" }, entries: [{ body: "{}" }] });
    await store.describe({ session: { project: "p", session }, title });
  }
  await store.close();
}

function holdfast(...args: string[]) {
  const bin = join(import.meta.dirname, "../../bin/holdfast.js");
  const env = { PATH: process.env["PATH"], HOME: folder, HOLDFAST_STORE: `sqlite:${path}` };
  return spawnSync(process.execPath, [bin, ...args], { encoding: "utf8", env });
}
