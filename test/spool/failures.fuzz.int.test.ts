import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { layered } from "../../src/runtime/layered-store.ts";
import { spoolAppends } from "../../src/runtime/spooled.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { openSqliteSpool } from "../../src/stores/sqlite/spool/index.ts";
import { type Fate, unreliable } from "../runtime/unreliable.ts";

const root = mkdtempSync(join(tmpdir(), "holdfast-spool-fuzz-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const seed = Number(process.env["HOLDFAST_MODEL_SEED"] ?? 20_261_121);
const fate = fc.constantFrom<Fate>("answered", "answered", "not_made", "answer_lost");
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      as: fc.constant("append" as const),
      session: fc.constantFrom("a", "b", "c"),
      log: fc.constantFrom("", "subagents/x"),
      keyed: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      fenced: fc.boolean(),
      waits: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ as: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: fc.record({ as: fc.constant("take_over" as const) }) },
);

test("Whatever becomes of the calls and the processes, each entry that was acknowledged is in the store once and in order, or aside.", async () => {
  let runs = 0;
  const schedule = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 30 }),
    fates: fc.array(fate, { minLength: 1, maxLength: 40 }),
  });
  const property = fc.asyncProperty(schedule, async ({ steps, fates }) => {
    const dir = join(root, `${(runs += 1)}`);
    const remote = openMemoryStore();
    let calls = 0;
    const line = unreliable(remote, (verb) =>
      verb === "append" ? fates[(calls += 1) % fates.length]! : "answered",
    );
    const far = layered(line.store, { close: async () => undefined });
    const openSpool = (shared: boolean) => openSqliteSpool({ dir, shared, synchronous: "NORMAL" });
    const begin = () =>
      spoolAppends(far, openSpool(false), { retryMs: 1, longestRetryMs: 1, closeWithinMs: 0 });
    let store = begin();
    let { epoch } = await remote.acquireLease({ session: key("a"), owner: "w", leaseMs: 60_000 });
    const wanted = new Map<string, string[]>();
    let count = 0;
    const appends: Promise<unknown>[] = [];
    for (const one of steps) {
      if (one.as === "restart") {
        await Promise.all(appends.splice(0));
        await store.close();
        store = begin();
      } else if (one.as === "take_over") {
        await remote.clearLease({ session: key("a"), actor: "ops" });
        ({ epoch } = await remote.acquireLease({ session: key("a"), owner: "w", leaseMs: 60_000 }));
      } else {
        const log = { ...key(one.session), log: one.log };
        const entries = one.keyed.map((keyed) => {
          const body = `{"n":${(count += 1)}}`;
          return keyed ? { uuid: `u${count}`, body } : { body };
        });
        const fence = one.fenced && one.session === "a" ? { fence: { epoch } } : {};
        const name = `${one.session}/${one.log}`;
        const append = store.append({ log, entries, ...fence }).then(() => {
          wanted.set(name, [...(wanted.get(name) ?? []), ...entries.map(({ body }) => body)]);
        });
        appends.push(append);
        if (one.waits) await append;
      }
    }
    await Promise.all(appends);
    line.fate = () => "answered";
    while (store.status().depth.entries > 0) await store.drain().catch(() => undefined);
    const aside = new Set<string>();
    const operator = openSpool(true);
    for (const { entries } of operator.aside()) for (const { body } of entries) aside.add(body);
    await operator.close();
    await store.close();
    for (const [name, bodies] of wanted) {
      const [session, log] = name.split(/\/(.*)/s) as [string, string];
      const { entries } = await remote.read({ log: { ...key(session), log } });
      const found = entries.map(({ body }) => body);
      // A fenced-out batch may have been taken before the answer was lost: then it is in both.
      expect(bodies.filter((body) => !found.includes(body) && !aside.has(body))).toEqual([]);
      expect(found).toEqual(bodies.filter((body) => found.includes(body)));
    }
  });
  await fc.assert(property, { seed, numRuns: Number(process.env["HOLDFAST_SPOOL_RUNS"] ?? 60) });
}, 60_000);

function key(session: string) {
  return { project: "p", session };
}
