import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-spool-crash-"));
const [path, dir] = [join(folder, "far.db"), join(folder, "spool")];
const rounds = Number(process.env["HOLDFAST_CRASH_ROUNDS"] ?? 8);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test(
  `A writer that is killed anywhere loses nothing that its spool acknowledged, and nothing arrives twice or out of order, ${rounds} times over.`,
  { timeout: 600_000 },
  async () => {
    const acknowledged: Batch[] = [];
    for (let round = 0; round < rounds; round += 1)
      acknowledged.push(...(await work(round, (round * 7) % 40)));
    await work(rounds, undefined);
    for (const log of ["s0", "s1", "s2"]) {
      const found = await stored(log);
      const wanted = acknowledged.filter((batch) => batch.log === log);
      const ids = found.map(({ round, batch, index }) => `${round}/${batch}/${index}`);
      expect(new Set(ids).size).toBe(ids.length);
      // What was on disk when its process was killed may be there too, though nobody was told.
      const told = new Set(
        wanted.flatMap(({ round, batch }) => [`${round}/${batch}/0`, `${round}/${batch}/1`]),
      );
      expect(ids.filter((id) => told.has(id))).toEqual([...told]);
      expect(found).toEqual(found.toSorted(inOrder));
    }
    expect(acknowledged.length).toBeGreaterThan(rounds);
  },
);

interface Batch {
  readonly log: string;
  readonly round: string;
  readonly batch: number;
}

type Stored = Omit<Batch, "log"> & { readonly index: number };

function inOrder(a: Stored, b: Stored): number {
  return Number(a.round) - Number(b.round) || a.batch - b.batch || a.index - b.index;
}

/** Lets a process append until so many batches were acknowledged, and kills it; undefined: it ships what is left, and ends. */
async function work(round: number, killAfter: number | undefined): Promise<Batch[]> {
  const script = join(import.meta.dirname, "spool-worker.ts");
  const args = ["--no-warnings", script, path, dir, `${round}`, killAfter === undefined ? "ends" : "works"];
  const env = { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "holdfast-chaos-compiled") };
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
    if (killAfter !== undefined && text.split("\n").length > killAfter + 1) child.kill("SIGKILL");
  });
  const end = await new Promise((resolve) => child.on("close", (code, signal) => resolve(signal ?? code)));
  expect(end).toBe(killAfter === undefined ? 0 : "SIGKILL");
  const lines = text.split("\n").slice(0, -1);
  return lines.filter((line) => line !== "open").map((line) => JSON.parse(line) as Batch);
}

async function stored(session: string): Promise<Stored[]> {
  const store = openSqliteStore({ path });
  const { entries } = await store.read({ log: { project: "chaos", session, log: "" } });
  await store.close();
  return entries.map(({ body }) => JSON.parse(body) as Stored);
}
