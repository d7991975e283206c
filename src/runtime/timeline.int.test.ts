import { describe, expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { beginRun, stageEvents, storeWith } from "../../test/runtime/recovery.ts";
import type { EventEnvelope } from "../core/event.ts";
import { eventLog } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { stage, commitOf, endOf } from "../testing/store-suite/work-samples.ts";
import { readTimeline } from "./timeline.ts";

const one = { type: "assistant", text: "One." } as const;
const old = { type: "assistant", text: "Zero.", replayed: true } as const;

describe("a run's timeline", () => {
  onEachStore(({ open }) => {
    async function told(store: Store, run: string, after?: number): Promise<EventEnvelope[]> {
      const found: EventEnvelope[] = [];
      for await (const one of readTimeline({ store, run, ...(after === undefined ? {} : { after }) }))
        found.push(one);
      return found;
    }

    test("is read where it is: staged, then committed or put aside, and from any place on", async () => {
      const store = await open();
      for (const end of ["committed", "discarded", "interrupted"] as const) {
        const claim = await beginRun(store, end);
        const run = claim.run.id;
        await stageEvents(store, claim, [old, one]);
        await stage(store, claim, [{ body: '{"type":"assistant"}' }], eventLog(run));
        const expected = (committed: boolean) => [
          { run, seq: 1, committed, replayed: true, event: old },
          { run, seq: 2, committed, replayed: false, event: one },
          {
            ...{ run, seq: 3, committed, replayed: false },
            event: { type: "notice", text: "An event has a wrong text." },
          },
        ];
        expect(await told(store, run)).toMatchObject(expected(false));
        await (end === "committed" ? commitOf(store, claim) : endOf(store, claim, end));
        expect(await told(store, run)).toMatchObject(expected(end !== "discarded"));
        expect(await told(store, run, 1)).toMatchObject(expected(end !== "discarded").slice(1));
        expect(await told(store, run, 3)).toEqual([]);
      }
    });

    test("goes on without a hole or a repetition where the run is put aside in the middle of reading", async () => {
      const store = await open();
      const claim = await beginRun(store, "s");
      const run = claim.run.id;
      const many = Array.from({ length: 1200 }, (_, n) => ({ type: "assistant", text: `${n}` }) as const);
      await stageEvents(store, claim, many);
      let reads = 0;
      const racing = storeWith(store, {
        read: async (params) => {
          if ((reads += 1) === 2) await endOf(store, claim, "discarded");
          return await store.read(params);
        },
      });
      const found = await told(racing, run);
      expect(found.map(({ event }) => "text" in event && event.text)).toEqual(many.map(({ text }) => text));
      expect(found.map(({ seq }) => seq)).toEqual(many.map((_, n) => n + 1));
      expect(found.some(({ committed }) => committed)).toBe(false);
    });

    test("of an unknown run is refused, and of one without events is empty", async () => {
      const store = await open();
      await expect(told(store, "9.9")).rejects.toMatchObject({ code: "run_unknown" });
      expect(await told(store, (await beginRun(store, "s")).run.id)).toEqual([]);
    });
  });
});
