import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Entry } from "../../src/core/entry.ts";
import { isLong } from "../long.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-chaos-"));
  path = join(folder, "holdfast.db");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("several processes on one file", () => {
  test("open a file that is not there at the same moment, and all succeed", async () => {
    const workers = Array.from({ length: 6 }, (_, index) =>
      startWorker({ path, worker: `w${index}`, batches: 3, size: 2 }),
    );
    for (const worker of workers) expect((await worker.ended).code).toBe(0);
    expect(await readAll()).toHaveLength(6 * 3 * 2);
  });

  test("never interleave inside a batch, and each log stays dense", async () => {
    const workers = Array.from({ length: 4 }, (_, index) =>
      startWorker({ path, worker: `w${index}`, batches: 25, size: 4 }),
    );
    const acknowledged = (await Promise.all(workers.map((worker) => worker.ended))).flatMap(
      (end) => end.acknowledged,
    );
    const entries = await readAll();
    expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
    expect(acknowledged).toHaveLength(100);
    for (const { worker, batch, from, to } of acknowledged) {
      expect(entries.slice(from - 1, to).map(({ uuid }) => uuid)).toEqual(
        [0, 1, 2, 3].map((index) => `${worker}-${batch}-${index}`),
      );
    }
  });
});

describe("a process that is killed while it appends", () => {
  const rounds = Number(process.env["HOLDFAST_CRASH_ROUNDS"] ?? (isLong ? 200 : 20));

  test(
    `keeps all that was acknowledged and nothing by half, ${rounds} times over`,
    { timeout: 600_000 },
    async () => {
      const random = seededRandom(20_261_121);
      const acknowledged: Acknowledged[] = [];
      for (let round = 0; round < rounds; round += 1) {
        const worker = startWorker({ path, worker: `r${round}`, batches: 100_000, size: 5 });
        await worker.acknowledgedAtLeast(Math.floor(random() * 30));
        worker.child.kill("SIGKILL");
        const ended = await worker.ended;
        expect(ended.signal).toBe("SIGKILL");
        acknowledged.push(...ended.acknowledged);
        await checkStore(acknowledged);
      }
    },
  );
});

async function checkStore(acknowledged: readonly Acknowledged[]): Promise<void> {
  const store = openSqliteStore({ path });
  expect((await store.health({ deep: true })).problems).toEqual([]);
  await store.close();
  const entries = await readAll();
  expect(entries.length % 5).toBe(0);
  for (const { worker, batch, from, to } of acknowledged) {
    expect(entries.slice(from - 1, to).map(({ uuid }) => uuid)).toEqual(
      [0, 1, 2, 3, 4].map((index) => `${worker}-${batch}-${index}`),
    );
  }
}

async function readAll(): Promise<readonly Entry[]> {
  const store = openSqliteStore({ path });
  const { entries } = await store.read({ log: { project: "chaos", session: "shared", log: "" } });
  await store.close();
  return entries;
}

interface Acknowledged {
  readonly worker: string;
  readonly batch: number;
  readonly from: number;
  readonly to: number;
}

interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly acknowledged: readonly Acknowledged[];
}

interface Worker {
  readonly child: ChildProcess;
  readonly ended: Promise<WorkerEnd>;
  readonly acknowledgedAtLeast: (count: number) => Promise<void>;
}

function startWorker(params: { path: string; worker: string; batches: number; size: number }): Worker {
  const script = join(import.meta.dirname, "append-worker.ts");
  const args = [script, params.path, params.worker, String(params.batches), String(params.size)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  let rest = "";
  child.stdout!.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop()!;
    lines.push(...parts.filter((line) => line !== "open"));
    for (const { count, resolve } of waiting) if (lines.length >= count) resolve();
  });
  const ended = new Promise<WorkerEnd>((resolve) => {
    child.on("close", (code, signal) =>
      resolve({ code, signal, acknowledged: lines.map((line) => JSON.parse(line) as Acknowledged) }),
    );
  });
  const acknowledgedAtLeast = (count: number): Promise<void> =>
    new Promise((resolve) => {
      if (lines.length >= count) resolve();
      else waiting.push({ count, resolve });
    });
  return { child, ended, acknowledgedAtLeast };
}

function seededRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
