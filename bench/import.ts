import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importClaudeTranscripts } from "../src/claude.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { median, type Row } from "./measure.ts";
import { makeEntries } from "./payload.ts";

/** Import of transcripts whose files are in the page cache, into a new store each round. */
export async function benchImport(folder: string): Promise<Row[]> {
  const configDir = join(folder, "claude");
  const bytes = writeTranscripts(join(configDir, "projects", "-home-dev"));
  const rates: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const store = openSqliteStore({ path: join(folder, `import-${round}.db`) });
    const start = performance.now();
    const report = await importClaudeTranscripts({ store, configDir, resumeDirs: [] });
    rates.push(bytes / 1000 / (performance.now() - start));
    if (report.entries !== 20_000) throw new Error(`imported ${report.entries} entries`);
    await store.close();
  }
  const rate = median(rates);
  return [
    {
      what: `import of ${Math.round(bytes / 1e6)} MB in 20 sessions`,
      ours: `${rate.toFixed(0)} MB/s`,
      limit: "-",
      ratio: `${rate.toFixed(0)} MB/s`,
      bar: "60 MB/s",
    },
  ];
}

function writeTranscripts(folder: string): number {
  mkdirSync(folder, { recursive: true });
  let bytes = 0;
  for (let session = 0; session < 20; session += 1) {
    const lines = makeEntries({ count: 1000, seed: session + 1 }).map(
      (entry) => `${JSON.stringify(entry)}\n`,
    );
    const name = `00000000-0000-4000-8000-${String(session).padStart(12, "0")}.jsonl`;
    writeFileSync(join(folder, name), lines.join(""));
    bytes += lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  }
  return bytes;
}
