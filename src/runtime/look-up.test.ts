import { expect, test } from "vitest";
import { openMemoryStore } from "../stores/memory/index.ts";
import { lookUp } from "./look-up.ts";

const session = { project: "p", session: "s" };

test("a request is looked up by its key, from before it was made to its receipt", async () => {
  const store = openMemoryStore();
  const look = () => lookUp({ store, session, key: "k" });
  expect(await look()).toEqual({ fate: "unknown" });
  const { input } = await store.admit({ session, key: "k", body: "{}" });
  expect(await look()).toEqual({ fate: "in_progress", input });
  const claim = (await store.claim({ worker: "w", leaseMs: 1000 }))!;
  expect(await look()).toEqual({ fate: "in_progress", input: claim.input, run: claim.run });
  const boundary = { session, run: claim.run.id, epoch: claim.lease.epoch, parts: [], outcome: "{}" };
  const { receipt } = await store.commit(boundary);
  expect(await look()).toMatchObject({ fate: "committed", run: { state: "committed", receipt } });
});

test("a request that was cancelled or given up is rejected", async () => {
  const store = openMemoryStore();
  const { input } = await store.admit({ session, key: "k", body: "{}" });
  await store.cancel({ session, input: input.id, actor: "test", reason: "no more" });
  expect(await lookUp({ store, session, key: "k" })).toMatchObject({
    fate: "rejected",
    input: { reason: "no more" },
  });
});
