import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { importClaudeTranscripts, type ImportClaudeParams } from "../../src/agents/claude/import.ts";
import type { Store } from "../../src/core/store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

/** Of the test that runs: its folder with `holdfast.db` and `claude/`, and the store that is open on it. */
export let folder: string;
export let store: Store;

export const sessionId = "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11";
export const key = { projectKey: "-home-dev", sessionId };
export const session = { project: "-home-dev", session: sessionId };

/** Gives each test of a file a new folder and a new store. */
export function useImportBench(): void {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "holdfast-import-"));
    store = openSqliteStore({ path: join(folder, "holdfast.db") });
  });
  afterEach(async () => {
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
}

/** A line of a transcript: what a user asks. */
export function turn(uuid: string, at = "2026-03-01T10:00:00.000Z"): object {
  const message = { role: "user", content: `do ${uuid}` };
  return { parentUuid: null, type: "user", uuid, sessionId, timestamp: at, message };
}

/** Writes a transcript as Claude Code has it, and gives its path. */
export function write(name: string, lines: readonly object[], end = "\n"): string {
  const path = join(folder, "claude", "projects", "-home-dev", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, lines.map((line) => JSON.stringify(line)).join("\n") + end);
  return path;
}

/** Imports what was written. */
export function run(more: Partial<ImportClaudeParams> = {}): ReturnType<typeof importClaudeTranscripts> {
  return importClaudeTranscripts({ store, configDir: join(folder, "claude"), resumeDirs: [], ...more });
}
