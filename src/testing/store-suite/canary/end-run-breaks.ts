import { discardedLog } from "../../../core/run.ts";
import type { Store } from "../../../core/store.ts";
import { type Breaks, unlessRefused } from "./breaks.ts";
import { endLeaseOf } from "./lease-breaks.ts";

/** Stores that end runs otherwise than they were told. */
export const endRunBreaks: Breaks = {
  "forgets the closers": ["endRun", (s) => ({ endRun: ({ closers: _, ...p }) => s.endRun(p) })],
  "writes closers twice": [
    "endRun",
    (s) => ({
      endRun: ({ closers = [], ...p }) =>
        s.endRun({ ...p, closers: closers.map(({ uuid: _, ...entry }) => entry) }),
    }),
  ],
  "writes the closers of a run that is discarded": [
    "endRun",
    (s) => ({
      endRun: async (p) => {
        const result = await s.endRun(p);
        if (p.as === "discarded" && !result.alreadyClosed)
          await s.append({ log: { ...p.session, log: "" }, entries: p.closers ?? [] });
        return result;
      },
    }),
  ],
  "closes runs without their fold": ["endRun", (s) => ({ endRun: ({ fold: _, ...p }) => s.endRun(p) })],
  "counts no usage of a run that was stopped": [
    "endRun",
    (s) => ({ endRun: ({ usage: _, ...p }) => s.endRun(p) }),
  ],
  "counts usage before a run has ended": [
    "endRun",
    (s) => ({
      endRun: async ({ usage = [], ...p }) => {
        await s.recordUsage({ session: p.session, rows: usage });
        return s.endRun(p);
      },
    }),
  ],
  "forgets the token of a run that was interrupted": [
    "endRun",
    (s) => ({ endRun: ({ resumeToken: _, ...p }) => s.endRun(p) }),
  ],
  "keeps the token of a run that was discarded": [
    "endRun",
    (s) => ({
      endRun: async (p) => {
        const result = await s.endRun(p);
        const key = (await s.session(p.session))?.resumeKey;
        if (key && p.resumeToken !== undefined)
          await s.describe({ session: p.session, resume: { key, token: p.resumeToken } });
        return result;
      },
    }),
  ],
  "shows what was discarded": [
    "endRun",
    (s) => ({ endRun: (p) => s.endRun(p.as === "discarded" ? { ...p, as: "interrupted" } : p) }),
  ],
  "discards what was interrupted": [
    "endRun",
    (s) => ({ endRun: (p) => s.endRun(p.as === "interrupted" ? { ...p, as: "discarded" } : p) }),
  ],
  "loses what was discarded": [
    "endRun",
    (s) => ({
      endRun: async (p) => {
        const result = await s.endRun(p);
        if (p.as === "discarded")
          for (const { log } of p.parts)
            await s.drop({ session: p.session, log: discardedLog(p.run, log), actor: "test" });
        return result;
      },
    }),
  ],
  "keeps one discarded run only": [
    "endRun",
    (s) => {
      let last: Parameters<Store["endRun"]>[0] | undefined;
      return {
        endRun: async (p) => {
          const result = await s.endRun(p);
          if (p.as !== "discarded" || p.parts.length === 0) return result;
          if (last !== undefined && last.run !== p.run)
            await s.drop({ session: last.session, log: discardedLog(last.run, ""), actor: "test" });
          last = p;
          return result;
        },
      };
    },
  ],
  "ends a run under any lease": [
    "endRun guards",
    (s) => ({
      endRun: (p) =>
        unlessRefused(
          "lease_lost",
          () => s.endRun(p),
          async () => {
            await endLeaseOf(s, p.session);
            const { epoch } = await s.acquireLease({ session: p.session, owner: "w", leaseMs: 1000 });
            return s.endRun({ ...p, epoch });
          },
        ),
    }),
  ],
  "ends a run of any parts": [
    "endRun guards",
    (s) => ({
      endRun: (p) =>
        unlessRefused(
          "tail_mismatch",
          () => s.endRun(p),
          async () => s.endRun({ ...p, parts: (await s.tail({ run: p.run })).parts }),
        ),
    }),
  ],
  "ends a run a second time": [
    "endRun guards",
    (s) => ({ endRun: async (p) => ({ ...(await s.endRun(p)), alreadyClosed: false }) }),
  ],
  "lets a second end replace the first": [
    "endRun guards",
    (s) => ({
      endRun: (p) =>
        unlessRefused(
          "run_closed",
          () => s.endRun(p),
          async () => {
            const run = (await s.run({ run: p.run }))!;
            const [input] = await s.inputs({ session: p.session });
            return { run: { ...run, state: p.as }, input: input!, alreadyClosed: false };
          },
        ),
    }),
  ],
  "keeps the lease of a run that has ended": [
    "endRun",
    (s) => ({
      endRun: async (p) => {
        const result = await s.endRun(p);
        if ((await s.lease(p.session)) === null)
          await s.acquireLease({ session: p.session, owner: "w-1", leaseMs: 1000 });
        return result;
      },
    }),
  ],
  "never tries an input again": ["endRun", (s) => ({ endRun: (p) => s.endRun({ ...p, requeue: false }) })],
  "counts what was put back": [
    "endRun",
    (s) => ({
      endRun: (p) => s.endRun({ ...p, requeue: p.requeue === "uncounted" ? true : (p.requeue ?? true) }),
    }),
  ],
  "tries again what was given up": ["endRun", (s) => ({ endRun: (p) => s.endRun({ ...p, requeue: true }) })],
  "tries an input for ever": [
    "endRun",
    (s) => ({
      endRun: async (p) => {
        const result = await s.endRun(p);
        if (result.input.attempts < 3) return result;
        return { ...result, input: { ...result.input, state: "queued" as const } };
      },
    }),
  ],
  "ends runs off the record": ["endRun", () => ({ audit: async () => [] })],
  "records every end as one of the worker": [
    "endRun",
    (s) => ({ endRun: (p) => s.endRun({ ...p, actor: "worker" }) }),
  ],
  "gives a discarded run a change row for each log": [
    "endRun",
    (s) => ({
      endRun: async (p) => {
        const result = await s.endRun(p);
        if (p.as === "discarded" && p.parts.length > 0)
          await s.append({ log: { ...p.session, log: "@discarded/x" }, entries: [{ body: "{}" }] });
        return result;
      },
    }),
  ],
  "lists runs of every state": ["runs", (s) => ({ runs: ({ state: _, ...p } = {}) => s.runs(p) })],
  "gives a cursor behind the last run": [
    "runs",
    (s) => ({
      runs: async (p = {}) => {
        const page = await s.runs(p);
        const { cursor } = await s.runs({ ...p, limit: 1 });
        return page.cursor === undefined && cursor !== undefined ? { ...page, cursor } : page;
      },
    }),
  ],
  "shares the runs that it returned": [
    "isolation",
    (s) => {
      const kept = new Map<string, Awaited<ReturnType<Store["runs"]>>>();
      return {
        runs: async (p = {}) => {
          const key = JSON.stringify(p);
          const page = kept.get(key) ?? (await s.runs(p));
          kept.set(key, page);
          return page;
        },
      };
    },
  ],
  "keeps a boundary by reference": [
    "isolation",
    (s) => ({
      commit: async (p) => {
        await Promise.resolve();
        return s.commit(p);
      },
    }),
  ],
  "tells of leases after it was closed": ["migrate", () => ({ lease: async () => null })],
};
