import type { Store } from "../src/core/store.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { interleave, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";
import { type Baseline, baselines, connections } from "./postgres-baselines.ts";
import { benchServer } from "./postgres-server.ts";

const count = 10_000;
const each = 10;

/** The catalogue of 10,000 sessions and its first page, against GROUP BY over rows of jsonb. */
export async function benchPostgresList(): Promise<Row[]> {
  const server = await benchServer();
  const store = await openPostgresStore({ url: server.url, connections });
  const others = await baselines(server.url);
  await fill(store, others);
  await others[0].query("VACUUM ANALYZE");
  const whole = await interleave(
    [
      { name: "ours", run: async () => check(await listAll(store), count) },
      ...others.map(({ name, list }) => ({ name, run: async () => check(await list(null), count) })),
    ],
    rounds,
  );
  const page = await interleave(
    [
      {
        name: "ours",
        run: async () => check((await store.sessions({ filter, limit: 50 })).sessions.length, 50),
      },
      ...others.map(({ name, list }) => ({ name, run: async () => check(await list(50), 50) })),
    ],
    rounds,
  );
  for (const one of [store, ...others]) await one.close();
  await server.stop();
  return [
    row(`${server.name}: list of 10,000 sessions, p50 of ${rounds}`, whole, 3.5),
    row(`${server.name}: page of 50 of them, p50 of ${rounds}`, page, 50),
  ];
}

const rounds = 25;
const filter = { project: "bench" };

async function fill(store: Store, others: readonly Baseline[]): Promise<void> {
  // Lists read no body: small ones make the table of the baselines small, to their favour.
  const entries = makeEntries({ count: each, seed: 5 }).map((entry) => ({
    ...entry,
    message: { content: "x" },
  }));
  for (let at = 0; at < count; at += connections) {
    const names = Array.from({ length: connections }, (_, index) => `s${at + index}`);
    for (const other of others) await Promise.all(names.map((name) => other.append(name, entries)));
    await Promise.all(
      names.map((session) =>
        store.append({ log: { project: "bench", session, log: "" }, entries: toInputs(entries) }),
      ),
    );
  }
}

async function listAll(store: Store): Promise<number> {
  let listed = 0;
  let cursor: string | undefined;
  do {
    const page = await store.sessions({ filter, limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    listed += page.sessions.length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  return listed;
}

function check(listed: number, wanted: number): void {
  if (listed !== wanted) throw new Error(`listed ${listed} sessions`);
}

function row(what: string, times: Map<string, number>, bar: number): Row {
  const [ours, a, b] = [times.get("ours")!, times.get("a")!, times.get("b")!];
  return {
    what,
    ours: ms(ours),
    limit: `(a) ${ms(a)}, (b) ${ms(b)}`,
    ratio: `${(a / ours).toFixed(1)} × and ${(b / ours).toFixed(1)} × faster`,
    bar: `${bar} × than (a)`,
  };
}
