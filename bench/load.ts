import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../src/core/store.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { claudeSessionStore } from "../src/claude.ts";
import { interleave, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";

/** Load and raw export of 10,000 entries, against reading the same bytes from a JSONL file. */
export async function benchLoad(folder: string): Promise<Row[]> {
  const store = openSqliteStore({ path: join(folder, "load.db") });
  const inputs = toInputs(makeEntries({ count: 10_000, seed: 7 }));
  for (let at = 0; at < inputs.length; at += 100)
    await store.append({ log, entries: inputs.slice(at, at + 100) });
  const path = join(folder, "load.jsonl");
  writeFileSync(path, inputs.map(({ body }) => `${body}\n`).join(""));
  const adapter = claudeSessionStore(store);
  const load = await interleave(
    [
      { name: "ours", run: () => loadObjects(adapter) },
      { name: "limit", run: () => parseFile(path) },
    ],
    15,
  );
  const raw = await interleave(
    [
      { name: "ours", run: () => exportRaw(store) },
      { name: "limit", run: () => readText(path) },
    ],
    25,
  );
  await store.close();
  return [
    row("load of 10,000 entries to objects", "read + parse of a file", load, 1.3),
    row("raw export of 10,000 entries", "read of a file", raw, 3),
  ];
}

const log = { project: "bench", session: "load", log: "" };

async function loadObjects(adapter: ReturnType<typeof claudeSessionStore>): Promise<void> {
  const entries = await adapter.load({ projectKey: "bench", sessionId: "load" });
  if (entries?.length !== 10_000) throw new Error("not all entries came back");
}

function parseFile(path: string): void {
  const lines = readFileSync(path, "utf8").split("\n");
  const objects = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as object);
  if (objects.length !== 10_000) throw new Error("not all lines came back");
}

async function exportRaw(store: Store): Promise<void> {
  let length = 0;
  for await (const piece of store.scan({ log })) length += piece.join("\n").length;
  if (length === 0) throw new Error("nothing came back");
}

function readText(path: string): void {
  if (readFileSync(path, "utf8").length === 0) throw new Error("nothing came back");
}

function row(what: string, against: string, times: Map<string, number>, bar: number): Row {
  const [ours, limit] = [times.get("ours")!, times.get("limit")!];
  return {
    what,
    ours: ms(ours),
    limit: `${against} ${ms(limit)}`,
    ratio: `${(ours / limit).toFixed(2)} ×`,
    bar: `${bar} ×`,
  };
}
