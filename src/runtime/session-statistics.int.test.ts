import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import {
  append,
  beginRun,
  catchUp,
  documentsOf,
  made,
  none,
  plainEntry,
  plans,
  recounted,
  runnerOf,
  sessions,
  tokensOf,
} from "../../test/runtime/statistics-world.ts";
import type { EntryInput } from "../core/entry.ts";
import type { LogKey } from "../core/ids.ts";
import { eventLog } from "../core/run.ts";
import { noTokens } from "../core/usage.ts";
import { logKey, sessionKey } from "../testing/store-suite/samples.ts";
import { commitOf, endOf, stage } from "../testing/store-suite/work-samples.ts";
import { statisticsName, statisticsOf } from "./session-statistics.ts";

const seed = Number(process.env["HOLDFAST_MODEL_SEED"] ?? 20_261_121);

onEachStore(({ open, tries }) => {
  describe("session statistics", () => {
    it("are those of what is stored, and the same bytes however the feed is cut and whenever it is replayed", async () => {
      const property = fc.asyncProperty(plans(), async ({ steps, sizes }) => {
        const store = await open({ now: () => 1000 });
        try {
          const world = { store, runs: 0 };
          for (const step of steps) await step(world);
          await catchUp(store, sizes[0]!);
          const grown = await documentsOf(store);
          for (const session of sessions) {
            const found = await statisticsOf(store, sessionKey(session));
            expect(found ?? none, session).toEqual(await recounted(store, session));
          }
          await runnerOf(store, sizes[1]!).rebuild(statisticsName);
          expect(await documentsOf(store)).toEqual(grown);
        } finally {
          await store.close();
        }
      });
      await fc.assert(property, { seed, numRuns: tries(60) });
    }, 120_000);

    it("are there with what a run commits, and have nothing of what it staged or what was discarded", async () => {
      const store = await open();
      const claim = await beginRun(store, "s-2", "k-1");
      await stage(store, claim, [made.prompt("Hi."), made.write("/a.ts")].map(plainEntry));
      await stage(store, claim, [made.used("r-1", 7)].map(plainEntry), `@run/${claim.run.id}`);
      await catchUp(store);
      expect(await statisticsOf(store, sessionKey("s-2"))).toBe(null);
      await commitOf(store, claim);
      await catchUp(store);
      const committed = await statisticsOf(store, sessionKey("s-2"));
      expect(committed).toMatchObject({
        turns: 1,
        toolCalls: 1,
        filesTouched: { paths: ["/a.ts"], total: 1 },
        tokens: tokensOf(7),
        entries: 2,
      });
      const second = await beginRun(store, "s-2", "k-2");
      await stage(store, second, [made.prompt("More."), made.write("/b.ts")].map(plainEntry));
      await endOf(store, second, "discarded");
      await catchUp(store);
      expect(await statisticsOf(store, sessionKey("s-2"))).toEqual(committed);
    });

    it("count a response once that comes in several appends, with what its last part says", async () => {
      const store = await open();
      for (const n of [1, 1, 40]) {
        await append(store, "s-1", [made.response("m-1", n)]);
        await catchUp(store);
      }
      expect((await statisticsOf(store, sessionKey("s-1")))?.tokens).toEqual(tokensOf(40));
    });

    it("count as turns what the user asked, and nothing that is written in the user's name", async () => {
      const store = await open();
      const user = (content: unknown, more: object = {}) =>
        ({
          body: JSON.stringify({ type: "user", message: { role: "user", content }, ...more }),
        }) as EntryInput;
      const text = (words: string) => [{ type: "text", text: words }];
      const turns = [
        user("Fix it."),
        user(text("Fix it.")),
        user([{ type: "image", source: {} }]),
        user([...text("<system-reminder>x</system-reminder>"), ...text("Fix it.")]),
      ];
      const others = [
        user([{ type: "tool_result", tool_use_id: "t", content: "Fix it." }]),
        user("Fix it.", { isMeta: true }),
        user("So far.", { isCompactSummary: true }),
        user("Look around.", { isSidechain: true }),
        user("<command-name>/compact</command-name>"),
        user(text("[Request interrupted by user for tool use]")),
        user([]),
        user(7),
        { body: '{"type":"user"}' },
        { body: '{"type":"assistant","message":{"content":"Fix it."}}' },
        { body: "{torn}" },
      ];
      const append = (log: LogKey) =>
        store.append({ log, entries: [...turns, ...others], provider: "claude-code" });
      await append(logKey("s-1"));
      await append(logKey("s-1", "subagents/a"));
      await catchUp(store);
      const entries = 2 * (turns.length + others.length);
      expect(await statisticsOf(store, sessionKey("s-1"))).toMatchObject({ turns: turns.length, entries });
    });

    it("begin with what makes a session visible, whether one looks early or late", async () => {
      const found = [];
      for (const early of [true, false]) {
        const store = await open({ now: () => 1000 });
        for (const [n, as] of (["interrupted", "commit", "interrupted"] as const).entries()) {
          const claim = await beginRun(store, "s-3", `k-${n}`);
          await stage(
            store,
            claim,
            [made.asked(), made.used(`r-${n}`, 1)].map(plainEntry),
            eventLog(claim.run.id),
          );
          if (as === "commit") await commitOf(store, claim);
          else await endOf(store, claim, as, { requeue: false });
          if (early) await catchUp(store);
        }
        await catchUp(store);
        expect(await statisticsOf(store, sessionKey("s-3"))).toMatchObject({ turns: 2, tokens: tokensOf(2) });
        found.push(await documentsOf(store));
      }
      expect(found[1]).toEqual(found[0]);
    });

    it("take their times from the entries of all logs but Holdfast's own", async () => {
      const store = await open({ now: () => 5000 });
      const at = (log: string, atMs: number) =>
        store.append({ log: logKey("s-1", log), entries: [{ body: "{}", atMs }], provider: "claude-code" });
      for (const [log, atMs] of [
        ["", 300],
        ["subagents/a", 100],
        ["@run/1", 50],
        ["@order", 4000],
        ["", 700],
      ] as const)
        await at(log, atMs);
      await catchUp(store);
      expect(await statisticsOf(store, sessionKey("s-1"))).toMatchObject({
        entries: 3,
        firstAtMs: 100,
        lastAtMs: 700,
      });
    });

    it("go with a log or a session that is dropped, and begin anew with what comes after it", async () => {
      const store = await open();
      const key = sessionKey("s-1");
      await append(store, "s-1", [made.prompt("One."), made.write("/a.ts"), made.response("m-1", 3)]);
      await append(store, "s-1", [made.write("/b.ts"), made.response("m-1", 9)], "subagents/a");
      await catchUp(store);
      await store.drop({ session: key, log: "", actor: "test" });
      await append(store, "s-1", [made.prompt("Two.")]);
      await catchUp(store);
      expect(await statisticsOf(store, key)).toMatchObject({
        turns: 1,
        toolCalls: 1,
        filesTouched: { paths: ["/b.ts"], total: 1 },
        tokens: tokensOf(9),
        entries: 3,
      });
      await store.drop({ session: key, actor: "test", sealed: false });
      await append(store, "s-1", [made.prompt("Three.")]);
      await catchUp(store);
      expect(await statisticsOf(store, key)).toMatchObject({
        turns: 1,
        toolCalls: 0,
        tokens: noTokens,
        entries: 1,
      });
    });
  });
});
