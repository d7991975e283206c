import { claudeSessionStore } from "../src/claude.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { interleave, ms, type Row } from "./measure.ts";
import { makeEntries, toInputs } from "./payload.ts";
import { baselines, connections } from "./postgres-baselines.ts";
import { benchServer } from "./postgres-server.ts";

const count = 10_000;
const batch = 50;

/** Load of 10,000 entries to objects, against rows of jsonb through `postgres` (a) and `pg` (b). */
export async function benchPostgresLoad(): Promise<Row[]> {
  const server = await benchServer();
  const store = await openPostgresStore({ url: server.url, connections });
  const others = await baselines(server.url);
  const entries = makeEntries({ count, seed: 7 });
  for (let at = 0; at < count; at += batch) {
    const some = entries.slice(at, at + batch);
    await store.append({ log: { project: "bench", session: "load", log: "" }, entries: toInputs(some) });
    for (const other of others) await other.append("load", some);
  }
  const adapter = claudeSessionStore(store);
  const loads = [
    {
      name: "ours",
      load: async () => (await adapter.load({ projectKey: "bench", sessionId: "load" })) ?? [],
    },
    ...others.map((other) => ({ name: other.name, load: () => other.load("load") })),
  ];
  const times = await interleave(
    loads.map(({ name, load }) => ({ name, run: async () => checkAll(await load()) })),
    rounds,
  );
  for (const one of [store, ...others]) await one.close();
  await server.stop();
  const [ours, a, b] = [times.get("ours")!, times.get("a")!, times.get("b")!];
  return [
    {
      what: `${server.name}: load of 10,000 entries to objects, p50 of ${rounds}`,
      ours: ms(ours),
      limit: `(a) ${ms(a)}, (b) ${ms(b)}`,
      ratio: `${(a / ours).toFixed(2)} × and ${(b / ours).toFixed(2)} × faster`,
      bar: server.hasLz4 ? "1.8 × than (a)" : "1.5 × than (a)",
    },
  ];
}

const rounds = 15;

function checkAll(loaded: readonly object[]): void {
  if (loaded.length !== count) throw new Error(`${loaded.length} entries came back`);
}
