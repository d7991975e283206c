import fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/store.ts";
import { mirrored } from "../../src/runtime/mirrored.ts";
import { openMemoryStore } from "../../src/stores/memory/index.ts";
import { postgresStores } from "../postgres/stores.ts";
import { expectMirrored } from "./same-content.ts";
import { type Fate, unreliable } from "../runtime/unreliable.ts";

const seed = Number(process.env["HOLDFAST_MODEL_SEED"] ?? 20_261_121);

type Step = (store: Store) => Promise<unknown>;

const session = fc.constantFrom("a", "b", "c").map((name): SessionKey => ({ project: "p", session: name }));
const log = fc.constantFrom("", "", "subagents/x", "@notes");
const entries = fc.array(
  fc.record(
    { body: fc.nat(20).map((n) => `{"n":${n}}`), uuid: fc.nat(12).map((n) => `u${n}`) },
    { requiredKeys: ["body"] },
  ),
  { minLength: 1, maxLength: 4 },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(session, log, entries, fc.boolean())
      .map(([key, name, batch, folds]): Step => (store) => {
        const fold = folds ? { fold: () => ({ summary: `${batch.length}`, title: batch[0]!.body }) } : {};
        return store.append({ log: { ...key, log: name }, entries: batch, reopen: "any", ...fold });
      }),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(session, fc.boolean(), fc.option(log, { nil: undefined }))
      .map(([key, sealed, name]): Step => (store) => {
        const params = { session: key, actor: "ann", reason: "why", sealed };
        return store.drop(name === undefined ? params : { ...params, log: name });
      }),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(session, fc.constantFrom("T", "U", null), fc.constantFrom("1", "2", null)).map(
      ([key, title, label]): Step =>
        (store) =>
          store.describe({ session: key, title, labels: { x: label } }),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(session, entries, fc.boolean()).map(
      ([key, batch, commits]): Step =>
        (store) =>
          turn(store, key, batch, commits),
    ),
  },
);
const fate = fc.constantFrom<Fate>("answered", "answered", "answered", "not_made", "answer_lost");

const servers = postgresStores();
// On a server each costs fifteen times as much.
const kinds = [
  { kind: "memory", open: async () => openMemoryStore(), share: 1 },
  { kind: "PostgreSQL", open: () => servers.open(), share: 1 / 15 },
];

test.for(kinds)(
  "On a $kind store, whatever the secondary does to the calls of a mirror that may begin anew, it holds in the end what the primary does.",
  { timeout: 60_000 },
  async ({ open, share }) => {
    const schedule = fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 25 }),
      fates: fc.array(fate, { minLength: 1, maxLength: 40 }),
      restarts: fc.array(fc.nat(24), { maxLength: 3 }),
    });
    const property = fc.asyncProperty(schedule, async ({ steps, fates, restarts }) => {
      const [primary, there] = [await open(), await open()];
      let calls = 0;
      const line = unreliable(there, () => fates[(calls += 1) % fates.length]!);
      const begin = () => mirrored(primary, line.store, { flag: "dual", retryMs: 1, longestRetryMs: 1 });
      const mirrors = [begin()];
      for (const [index, run] of steps.entries()) {
        await run(primary).catch(() => undefined);
        // The one before goes on, as a process does that is believed dead.
        if (restarts.includes(index)) mirrors.push(begin());
        if (index % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      line.fate = () => "answered";
      for (const mirror of mirrors) await expectMirrored(mirror, primary, there);
      for (const mirror of mirrors)
        await vi.waitFor(async () => expect((await mirror.status()).error).toBeUndefined());
      for (const mirror of mirrors) await mirror.close();
      await Promise.all([primary.close(), there.close()]);
    });
    const runs = Number(process.env["HOLDFAST_MIRROR_RUNS"] ?? 120);
    await fc.assert(property, { seed, numRuns: Math.ceil(runs * share) });
  },
);

async function turn(
  store: Store,
  key: SessionKey,
  batch: readonly { readonly body: string; readonly uuid?: string }[],
  commits: boolean,
): Promise<void> {
  await store.admit({
    session: key,
    key: `k${batch.length}${batch[0]!.body}`,
    body: "{}",
    provider: "scripted",
  });
  const claim = await store.claim({ worker: "w", leaseMs: 60_000, session: key.session });
  if (claim === null) return;
  const { run, lease } = claim;
  const of = { session: key, run: run.id, epoch: lease.epoch };
  await store.append({ log: { ...key, log: "" }, entries: batch, run: run.id, fence: lease });
  const { parts } = await store.tail({ run: run.id });
  if (commits) await store.commit({ ...of, parts, outcome: "{}" });
  else await store.endRun({ ...of, parts, as: "discarded", reason: "no", actor: "ann" });
}
