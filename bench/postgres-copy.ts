import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { median, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";
import { benchServer } from "./postgres-server.ts";

const rounds = 3;

/** A copy of 100 and of 300 MB from SQLite, each in a new process, with what its memory grew by from one to the other. */
export async function benchPostgresCopy(folder: string): Promise<Row[]> {
  const server = await benchServer();
  try {
    const rows: Row[] = [];
    let [smallestMb, smallMb] = [0, 0];
    for (const megabytes of [5, 100, 300]) {
      const path = join(folder, `copied-${megabytes}.db`);
      await fill(path, megabytes);
      const copies = Array.from({ length: rounds }, (_, round) =>
        copy(path, `${server.url}?schema=copy_${megabytes}_${round}`),
      );
      const rssMb = median(copies.map((one) => one.rssMb));
      if (megabytes === 5) smallestMb = rssMb;
      if (megabytes === 100) smallMb = rssMb;
      if (megabytes === 5) continue;
      const { bytes } = copies[0]!;
      const rate = bytes / 1000 / median(copies.map(({ copyMs }) => copyMs));
      const whole = bytes / 1000 / median(copies.map(({ copyMs, compareMs }) => copyMs + compareMs));
      rows.push({
        what: `${server.name}: copy from SQLite, ${Math.round(bytes / 1e6)} MB of bodies, ${rounds} times`,
        ours: `${rate.toFixed(1)} MB/s`,
        limit: `${Math.round(rssMb)} MB at most in memory; 5 MB of bodies ${Math.round(smallestMb)} MB`,
        ratio: `${whole.toFixed(1)} MB/s with the comparison; memory ${(rssMb / smallMb).toFixed(2)} × of 100 MB's`,
        bar: "15 MB/s, constant memory",
      });
    }
    return rows;
  } finally {
    await server.stop();
  }
}

interface Copied {
  readonly bytes: number;
  readonly differing: number;
  readonly copyMs: number;
  readonly compareMs: number;
  readonly rssMb: number;
}

function copy(path: string, url: string): Copied {
  const script = fileURLToPath(new URL("copy-process.ts", import.meta.url));
  const copied = JSON.parse(
    execFileSync(process.execPath, [script, path, url], { encoding: "utf8" }),
  ) as Copied;
  if (copied.differing > 0) throw new Error("The copy differs.");
  process.stderr.write(`${JSON.stringify(copied)}\n`);
  return copied;
}

/** The first session has a third of all bytes: what a long one takes in memory counts too. */
async function fill(path: string, megabytes: number): Promise<void> {
  const store = openSqliteStore({ path, synchronous: "NORMAL" });
  const drawn = makeEntries({ count: 2000, seed: 5 });
  for (let session = 0, bytes = 0; bytes < megabytes * 1e6; session += 1) {
    const target = session === 0 ? megabytes * 333_000 : 2_000_000;
    for (let own = 0; own < target;) {
      const entries = toInputs(
        Array.from({ length: 100 }, (_, at) => ({
          ...drawn[(session * 37 + own + at) % 2000],
          uuid: randomUUID(),
        })),
      );
      await store.append({ log: { project: "bench", session: `s${session}`, log: "" }, entries });
      const written = entries.reduce((sum, { body }) => sum + body.length, 0);
      own += written;
      bytes += written;
    }
  }
  await store.close();
}
