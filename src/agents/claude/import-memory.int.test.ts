import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-memory-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the import of a big file", () => {
  test("needs neither its size in memory nor more than a small heap", () => {
    const entries = writeTranscript();
    const report = importIn({ heapMb: 48 });
    expect(report).toMatchObject({ entries, problems: [] });
    // About 130 MB are the store's cache and what the garbage collection leaves; the file would come on top.
    expect(report.grownBytes).toBeLessThan(200e6);
  });
});

/** About 150 MB in lines of 6 KB; a third of them has no uuid. */
function writeTranscript(): number {
  const projects = join(folder, "projects", "-home-dev");
  mkdirSync(projects, { recursive: true });
  const file = openSync(join(projects, "big.jsonl"), "w");
  const text = "x é".repeat(1500);
  let [entries, bytes] = [0, 0];
  while (bytes < 150e6) {
    const lines: string[] = [];
    for (const end = entries + 300; entries < end; entries += 1) {
      const uuid = entries % 3 === 0 ? undefined : `${entries}`;
      lines.push(`${JSON.stringify({ type: "user", uuid, at: entries, message: { content: text } })}\n`);
    }
    bytes += writeSync(file, lines.join(""));
  }
  closeSync(file);
  return entries;
}

interface Report {
  readonly entries: number;
  readonly problems: readonly string[];
  /** By how much the process was larger at its largest than before the import. */
  readonly grownBytes: number;
}

/** Imports in a process of its own, whose heap is limited and whose memory nothing else takes. */
function importIn({ heapMb }: { readonly heapMb: number }): Report {
  const script = `
    const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve("../../stores/sqlite/index.ts"))});
    const { importClaudeTranscripts } = await import(${JSON.stringify(import.meta.resolve("./import.ts"))});
    const store = openSqliteStore({ path: ${JSON.stringify(join(folder, "holdfast.db"))} });
    const before = process.memoryUsage.rss();
    const params = { store, configDir: ${JSON.stringify(folder)}, resumeDirs: [] };
    const report = await importClaudeTranscripts(params);
    await store.close();
    console.log(JSON.stringify({ ...report, grownBytes: process.resourceUsage().maxRSS * 1024 - before }));`;
  const node = [`--max-old-space-size=${heapMb}`, "--input-type=module", "-e", script];
  const { stdout, stderr, status } = spawnSync(process.execPath, node, { encoding: "utf8" });
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Report;
}
