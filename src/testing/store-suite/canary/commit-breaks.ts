import { type Breaks, unlessRefused } from "./breaks.ts";
import { endLeaseOf } from "./lease-breaks.ts";

/** Stores whose boundary is none. */
export const commitBreaks: Breaks = {
  "forgets the fold of a boundary": ["commit", (s) => ({ commit: ({ fold: _, ...p }) => s.commit(p) })],
  "folds after the boundary": [
    "commit",
    (s) => ({
      commit: async ({ fold, ...p }) => {
        const result = await s.commit(p);
        fold?.({ summary: null, title: null }, []);
        return result;
      },
    }),
  ],
  "forgets the closers of a boundary": ["commit", (s) => ({ commit: ({ closers: _, ...p }) => s.commit(p) })],
  "forgets the usage of a run": ["commit", (s) => ({ commit: ({ usage: _, ...p }) => s.commit(p) })],
  "forgets who decided a boundary": ["audit", (s) => ({ commit: ({ decided: _, ...p }) => s.commit(p) })],
  "forgets the token of a boundary": [
    "commit",
    (s) => ({ commit: ({ resumeToken: _, ...p }) => s.commit(p) }),
  ],
  "counts usage before its boundary": [
    "commit",
    (s) => ({
      commit: async ({ usage = [], ...p }) => {
        await s.recordUsage({ session: p.session, rows: usage });
        return s.commit(p);
      },
    }),
  ],
  "leaves the input of a committed run open": [
    "commit",
    (s) => ({
      inputs: async (p) =>
        (await s.inputs(p)).map((input) =>
          input.state === "consumed" ? { ...input, state: "running" as const } : input,
        ),
    }),
  ],
  "keeps the lease of a committed run": [
    "commit",
    (s) => ({
      commit: async (p) => {
        const result = await s.commit(p);
        await s.acquireLease({ session: p.session, owner: "w-1", leaseMs: 1000 });
        return result;
      },
    }),
  ],
  "digests anything": [
    "commit",
    (s) => ({
      commit: async (p) => {
        const { receipt, ...result } = await s.commit(p);
        return { ...result, receipt: { ...receipt, digest: receipt.run } };
      },
    }),
  ],
  "loses a run's outcome": [
    "commit",
    (s) => ({
      run: async (p) => {
        const run = await s.run(p);
        return run === null ? null : { ...run, outcome: "{}" };
      },
    }),
  ],
  "takes parts in one order only": [
    "commit",
    (s) => ({
      commit: async (p) => {
        const names = p.parts.map(({ log }) => log);
        return s.commit(names.join() === names.toSorted().join() ? p : { ...p, parts: [] });
      },
    }),
  ],
  "counts revisions by entries": [
    "commit",
    (s) => ({
      commit: async (p) => {
        const { receipt, ...result } = await s.commit(p);
        return { ...result, receipt: { ...receipt, revision: receipt.entries } };
      },
    }),
  ],
  "counts Holdfast's own logs at a boundary": [
    "commit",
    (s) => {
      let own = 0;
      return {
        commit: async (p) => {
          const result = await s.commit(p);
          for (const { log, from, to } of p.parts) if (log.startsWith("@")) own += to - from + 1;
          return result;
        },
        session: async (key) => {
          const row = await s.session(key);
          return row === null ? null : { ...row, entries: row.entries + own };
        },
      };
    },
  ],
  "writes the run's change row alone": [
    "commit",
    (s) => ({
      changes: async (p) => {
        const page = await s.changes(p);
        return { ...page, changes: page.changes.filter(({ kind }) => kind !== "appended") };
      },
    }),
  ],
  "does not check the parts": [
    "commit guards",
    (s) => ({
      commit: (p) =>
        unlessRefused(
          "tail_mismatch",
          () => s.commit(p),
          async () => s.commit({ ...p, parts: (await s.tail({ run: p.run })).parts }),
        ),
    }),
  ],
  "commits under any lease": [
    "commit guards",
    (s) => ({
      commit: (p) =>
        unlessRefused(
          "lease_lost",
          () => s.commit(p),
          async () => {
            await endLeaseOf(s, p.session);
            const { epoch } = await s.acquireLease({ session: p.session, owner: "w", leaseMs: 1000 });
            return s.commit({ ...p, epoch });
          },
        ),
    }),
  ],
  "binds a boundary to the epoch that its run began under": [
    "commit guards",
    (s) => ({
      commit: async (p) => {
        const run = await s.run({ run: p.run });
        return s.commit(run === null ? p : { ...p, epoch: run.epoch });
      },
    }),
  ],
  "takes another boundary for the same": [
    "commit guards",
    (s) => ({
      commit: (p) =>
        unlessRefused(
          "commit_conflict",
          () => s.commit(p),
          async () => ({ receipt: (await s.run({ run: p.run }))!.receipt!, alreadyCommitted: true }),
        ),
    }),
  ],
  "refuses a boundary made again": [
    "commit guards",
    (s) => ({
      commit: async (p) => {
        await s.tail({ run: p.run });
        return s.commit(p);
      },
    }),
  ],
  "asks for the lease of a boundary made again": [
    "commit guards",
    (s) => ({
      commit: async (p) => {
        await s.renewLease({ session: p.session, epoch: p.epoch, leaseMs: 60_000 });
        return s.commit(p);
      },
    }),
  ],
  "writes a new receipt for a boundary made again": [
    "commit guards",
    (s) => ({
      commit: async (p) => {
        const { receipt, alreadyCommitted } = await s.commit(p);
        return { receipt: { ...receipt, seq: alreadyCommitted ? 2 : 1 }, alreadyCommitted };
      },
    }),
  ],
  "commits a run of another session": [
    "commit guards",
    (s) => ({
      commit: async (p) => {
        const run = await s.run({ run: p.run });
        return s.commit(
          run?.receipt
            ? { ...p, session: { project: run.project, session: run.session }, outcome: run.outcome! }
            : p,
        );
      },
    }),
  ],
  "commits log by log": [
    "commit",
    (s) => {
      let looks = 0;
      return {
        logs: async (key) => {
          const rows = await s.logs(key);
          if (rows.length > 0) looks += 1;
          return looks > 1 ? rows : rows.slice(0, 1);
        },
      };
    },
  ],
};
