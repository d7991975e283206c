import { describe, expect, it } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { sessionKey } from "../testing/store-suite/samples.ts";
import { sweepStore } from "./sweep.ts";

onEachStore(({ open }) => {
  describe("a sweep", () => {
    it("leaves an orphan for a day, then tells and removes it once, and says why", async () => {
      const clock = { atMs: 1000, now: () => clock.atMs };
      const store = await open(clock);
      const { blob } = await store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(1) });
      await store.advance({ projection: "a-former", from: 0, to: 0 });
      clock.atMs += 86_399_999;
      expect(await sweepStore({ store })).toEqual({ dryRun: false, removed: [] });
      clock.atMs += 1;
      const removed = [
        { kind: "blob_hold", count: 1, why: "The session that a blob was stored for was never begun." },
        { kind: "blob", count: 1, why: "No session holds the blob any more." },
        { kind: "projection", count: 1, why: "No program runs the projection any more." },
      ];
      const projections = ["session-statistics"];
      expect(await sweepStore({ store, projections, dryRun: true })).toEqual({ dryRun: true, removed });
      expect(await store.getBlob({ blob })).not.toBe(null);
      expect(await sweepStore({ store, projections })).toEqual({ dryRun: false, removed });
      expect(await store.getBlob({ blob })).toBe(null);
      expect(await sweepStore({ store, projections })).toEqual({ dryRun: false, removed: [] });
    });
  });
});
