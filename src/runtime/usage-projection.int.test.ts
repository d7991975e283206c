import { describe, expect, it } from "vitest";
import { claudeReader } from "../../test/runtime/claude-reader.ts";
import { onEachStore } from "../../test/runtime/each-store.ts";
import type { EntryInput } from "../core/entry.ts";
import type { Store } from "../core/store.ts";
import { logKey, sessionKey } from "../testing/store-suite/samples.ts";
import { begin, commitOf, stage, used } from "../testing/store-suite/work-samples.ts";
import { ProjectionRunner } from "./projection-runner.ts";
import { usageProjection } from "./usage-projection.ts";

onEachStore(({ open, again }) => {
  describe("the usage projection", () => {
    it("counts a response once, with what its last part says, however its parts are cut into appends and batches", async () => {
      for (const batchSize of [1, 2, 100]) {
        for (const cut of [1, 2, 3]) {
          const store = await open();
          const entries = [part("m-1", 1), part("m-1", 1), part("m-1", 50), result(), part("m-2", 4)];
          for (let at = 0; at < entries.length; at += cut) {
            await mirror(store, "s-1", entries.slice(at, at + cut));
            if (batchSize === 1) await catchUp(store, 1);
          }
          await catchUp(store, batchSize);
          expect(await outputOf(store)).toEqual({ "s-1": 54 });
        }
      }
    });

    it("counts the last response of a session, though nothing follows it, and those of subagents", async () => {
      const store = await open();
      await mirror(store, "s-1", [part("m-1", 5)]);
      await mirror(store, "s-1", [part("m-2", 7)], "subagents/a");
      await catchUp(store);
      expect(await outputOf(store)).toEqual({ "s-1": 12 });
    });

    it("counts a copy in a fork for the session that had the response first, in one batch and in many", async () => {
      for (const batchSize of [1, 100]) {
        const store = await open();
        await mirror(store, "s-2", [part("m-0", 1)]);
        await mirror(store, "s-1", [part("m-1", 5)]);
        await mirror(store, "s-2", [part("m-1", 5), part("m-2", 8)]);
        await catchUp(store, batchSize);
        expect(await outputOf(store), `${batchSize} a batch`).toEqual({ "s-1": 5, "s-2": 9 });
      }
    });

    it("adds nothing when it is built anew, by several at once, or after a crash before its step", async () => {
      const store = await open();
      await mirror(store, "s-1", [part("m-1", 5), part("m-2", 6)]);
      await mirror(store, "s-2", [part("m-2", 6), part("m-3", 7)]);
      const crashed = new Proxy(store, {
        get: (target, name: keyof Store) =>
          name === "advance" || name === "setProjection"
            ? () => Promise.reject(new Error("killed"))
            : (target[name] as (...args: unknown[]) => unknown).bind?.(target),
      });
      await runnerOf(crashed).catchUp();
      const wanted = { "s-1": 11, "s-2": 7 };
      expect(await outputOf(store)).toEqual(wanted);
      expect(await store.projections()).toEqual([]);
      await Promise.all([store, await again(store), await again(store)].map((each) => catchUp(each)));
      expect(await outputOf(store)).toEqual(wanted);
      await runnerOf(store).rebuild("usage");
      expect(await outputOf(store)).toEqual(wanted);
    });

    it("leaves alone what a run has counted, and counts nothing that is not committed", async () => {
      const store = await open();
      await mirror(store, "s-1", [part("m-1", 5)]);
      const claim = await begin(store);
      await stage(store, claim, [part("m-2", 6)]);
      await catchUp(store);
      expect(await outputOf(store)).toEqual({ "s-1": 5 });
      const tokens = { input: 1, output: 6, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
      await commitOf(store, claim, { usage: [used('["m-2","r-m-2"]', 0, { tokens })] });
      await catchUp(store);
      expect(await outputOf(store)).toEqual({ "s-1": 11 });
    });

    it("reads no transcript of a provider that it has no reader for, nor Holdfast's own logs", async () => {
      const store = await open();
      await mirror(store, "s-1", [part("m-1", 5)], "@order");
      await store.append({ log: logKey("s-2"), entries: [part("m-2", 6)], provider: "codex" });
      await catchUp(store);
      expect(await outputOf(store)).toEqual({});
    });

    it("counts what a dropped session has used when it comes back", async () => {
      const store = await open();
      await mirror(store, "s-1", [part("m-1", 5)]);
      await store.drop({ session: sessionKey(), actor: "test" });
      await catchUp(store);
      expect(await outputOf(store)).toEqual({});
      await mirror(store, "s-1", [part("m-1", 5)]);
      await catchUp(store);
      expect(await outputOf(store)).toEqual({ "s-1": 5 });
    });
  });
});

/** One block of a response, as Claude stores it. */
function part(id: string, output: number): EntryInput {
  const message = { id, model: "m", content: [], usage: { input_tokens: 1, output_tokens: output } };
  return { body: JSON.stringify({ type: "assistant", requestId: `r-${id}`, message }) };
}

function result(): EntryInput {
  return { body: '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t"}]}}' };
}

function mirror(store: Store, session: string, entries: readonly EntryInput[], log = "") {
  return store.append({ log: logKey(session, log), entries, provider: "claude-code", reopen: "any" });
}

function runnerOf(store: Store, batchSize = 100): ProjectionRunner {
  return new ProjectionRunner({
    store,
    projections: [usageProjection({ readers: [claudeReader] })],
    batchSize,
  });
}

async function catchUp(store: Store, batchSize?: number): Promise<void> {
  const [status] = await runnerOf(store, batchSize).catchUp();
  expect(status).toMatchObject({ name: "usage", lag: 0 });
}

async function outputOf(store: Store): Promise<Record<string, number>> {
  const groups = await store.usage({ by: "session" });
  return Object.fromEntries(groups.map(({ name, tokens }) => [name, tokens.output]));
}
