import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { copyStore } from "../../src/runtime/copy.ts";
import type { LogKey } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/store.ts";
import { isLong } from "../long.ts";
import { testSchemas } from "../postgres/schemas.ts";
import { Random } from "../simulator/random.ts";
import { fillStore } from "../runtime/full-store.ts";
import { openPlace } from "./open-place.ts";

const rounds = Number(process.env["HOLDFAST_COPY_CRASHES"] ?? (isLong ? 8 : 3));

const schemas = testSchemas();

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-copy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["SQLite", "SQLite"],
  ["SQLite", "PostgreSQL"],
  ["PostgreSQL", "SQLite"],
])(
  `A copy from %s to %s that is killed anywhere goes on from what is there, ${rounds} times over, and doubles nothing.`,
  { timeout: 300_000 },
  async (here, there) => {
    const source = here === "SQLite" ? join(folder, "source.db") : schemas.next();
    const target = there === "SQLite" ? join(folder, "target.db") : schemas.next();
    const from = await openPlace(source);
    await fillStore(from);
    for (let session = 0; session < 12; session += 1)
      await from.append({
        log: { project: "long", session: `s${session}`, log: "" },
        entries: longEntries(),
      });
    const random = new Random(20_261_121);
    const ends: (string | number | null)[] = [];
    for (let round = 0; round < rounds; round += 1)
      ends.push(await copyAndKill(source, target, 1 + random.below(6)));
    expect(ends.filter((end) => end === "SIGKILL").length).toBeGreaterThan(rounds / 4);
    expect(["SIGKILL", 0]).toEqual(expect.arrayContaining(ends));
    const to = await openPlace(target);
    const { parity } = await copyStore({ from, to });
    expect(parity?.differences).toEqual([]);
    expect((await to.health({ deep: true })).problems).toEqual([]);
    for (const key of await from.keys())
      for (const { log } of await from.logs(key))
        expect(await seqsOf(to, { ...key, log })).toEqual(await seqsOf(from, { ...key, log }));
    await Promise.all([from.close(), to.close()]);
  },
);

/** Kills the process once it has written so many times; gives the signal or the code that it ended with. */
function copyAndKill(source: string, target: string, lines: number): Promise<string | number | null> {
  const script = join(import.meta.dirname, "copy-worker.ts");
  const child = spawn(process.execPath, [script, source, target], { stdio: ["ignore", "pipe", "inherit"] });
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    seen += text.split("\n").filter((line) => Number(line) > 0).length;
    if (seen >= lines) child.kill("SIGKILL");
  });
  const { promise, resolve } = Promise.withResolvers<string | number | null>();
  child.once("close", (code, signal) => resolve(signal ?? code));
  return promise;
}

/** Entries of 2 MB together, of which none has a uuid. */
function longEntries() {
  const text = "x".repeat(40_000);
  return Array.from({ length: 60 }, (_, n) => ({ body: JSON.stringify({ n, text }) }));
}

async function seqsOf(store: Store, log: LogKey) {
  const { entries } = await store.read({ log });
  return entries.map(({ seq, atMs, uuid, body }) => [seq, atMs, uuid, body.length]);
}
