import type { AdmitResult } from "../../../core/input.ts";
import { type Breaks, unlessRefused } from "./breaks.ts";
import { endLeaseOf } from "./lease-breaks.ts";

/** Stores that lose, double or mix up inputs. */
export const inputBreaks: Breaks = {
  "admits a known key again": [
    "admit",
    (s) => {
      let calls = 0;
      return { admit: (p) => s.admit({ ...p, key: `${p.key}${(calls += 1)}` }) };
    },
  ],
  "says of a known key that it is new": [
    "admit",
    (s) => ({ admit: async (p) => ({ ...(await s.admit(p)), admitted: true }) }),
  ],
  "takes another body for a known key": [
    "admit",
    (s) => ({
      admit: (p) =>
        unlessRefused(
          "input_conflict",
          () => s.admit(p),
          async () => ({ input: (await s.inputs({ key: p.key }))[0]!, admitted: false }),
        ),
    }),
  ],
  "knows a key over all sessions": [
    "admit",
    (s) => {
      const known = new Map<string, AdmitResult>();
      return {
        admit: async (p) => {
          const first = known.get(p.key);
          if (first !== undefined && first.input.session !== p.session.session)
            return { ...first, admitted: false };
          const result = await s.admit(p);
          known.set(p.key, result);
          return result;
        },
      };
    },
  ],
  "folds the case of keys": ["admit", (s) => ({ admit: (p) => s.admit({ ...p, key: p.key.toLowerCase() }) })],
  "makes a session of an input": [
    "admit",
    (s) => ({
      admit: async (p) => {
        const result = await s.admit(p);
        await s.append({ log: { ...p.session, log: "inputs" }, entries: [{ body: "{}" }] });
        return result;
      },
    }),
  ],
  "takes any key": [
    "admit",
    (s) => ({ admit: (p) => s.admit({ ...p, key: `${p.key}`.slice(0, 200) || "k" }) }),
  ],
  "takes any priority": [
    "admit",
    (s) => ({ admit: ({ priority = 0, ...p }) => s.admit({ ...p, priority: Math.trunc(priority) || 0 }) }),
  ],
  "encodes inputs anew": [
    "admit",
    (s) => ({ admit: (p) => s.admit({ ...p, body: JSON.stringify(JSON.parse(p.body)) }) }),
  ],
  "gives the id of a dropped input again": [
    "admit",
    (s) => ({
      admit: async (p) => {
        const { input, admitted } = await s.admit(p);
        const id = String((await s.inputs({})).length);
        return { input: { ...input, id }, admitted };
      },
    }),
  ],
  "queues for a session that was dropped": [
    "admit",
    (s) => ({
      admit: (p) =>
        unlessRefused(
          "session_dropped",
          () => s.admit(p),
          () => s.admit({ ...p, session: { ...p.session, session: "other" } }),
        ),
    }),
  ],
  "lists inputs oldest first": ["inputs", (s) => ({ inputs: async (p) => (await s.inputs(p)).toReversed() })],
  "finds inputs of any id": ["inputs", (s) => ({ inputs: ({ input: _, ...p }) => s.inputs(p) })],
  "lists inputs of every key": ["inputs", (s) => ({ inputs: ({ key: _, ...p }) => s.inputs(p) })],
  "ignores priorities": ["claim", (s) => ({ admit: ({ priority: _, ...p }) => s.admit(p) })],
  "serves a session until nothing of it is left": [
    "claim",
    (s) => {
      let last: string | undefined;
      return {
        claim: async (p) => {
          const same = last === undefined ? null : await s.claim({ session: last, ...p });
          const claim = same ?? (await s.claim(p));
          last = claim?.run.session;
          return claim;
        },
      };
    },
  ],
  "claims for any project": ["claim", (s) => ({ claim: ({ project: _, ...p }) => s.claim(p) })],
  "claims for any session": ["claim", (s) => ({ claim: ({ session: _, ...p }) => s.claim(p) })],
  "claims for any provider": ["claim", (s) => ({ claim: ({ providers: _, ...p }) => s.claim(p) })],
  "claims without a bound on a project's runs": [
    "claim",
    (s) => ({ claim: ({ maxRunsPerProject: _, ...p }) => s.claim(p) }),
  ],
  "bounds the runs over all projects": [
    "claim",
    (s) => ({
      claim: async (p) => {
        const { runs } = await s.runs({ state: "running" });
        return runs.length >= (p.maxRunsPerProject ?? Infinity) ? null : s.claim(p);
      },
    }),
  ],
  "counts held runs among a project's runs": [
    "claim",
    (s) => ({
      claim: async ({ maxRunsPerProject, ...p }) => {
        if (maxRunsPerProject === undefined) return s.claim(p);
        const held = (await s.runs({ state: "held" })).runs.length;
        return maxRunsPerProject - held < 1
          ? null
          : s.claim({ ...p, maxRunsPerProject: maxRunsPerProject - held });
      },
    }),
  ],
  "claims what someone has leased": [
    "claim",
    (s) => ({
      claim: async (p) => {
        for (const { project, session } of await s.inputs({ state: "queued" }))
          await endLeaseOf(s, { project, session });
        return s.claim(p);
      },
    }),
  ],
  "claims a session whose run has lost its lease": [
    "claim",
    (s) => ({
      claim: async (p) => {
        for (const run of (await s.runs({ state: "running" })).runs) {
          const session = { project: run.project, session: run.session };
          if ((await s.lease(session)) !== null) continue;
          const { epoch } = await s.acquireLease({ session, owner: p.worker, leaseMs: p.leaseMs });
          const { parts } = await s.tail({ run: run.id });
          const end = { session, run: run.id, epoch, parts, as: "interrupted" } as const;
          await s.endRun({ ...end, reason: "lapsed", actor: p.worker });
        }
        return s.claim(p);
      },
    }),
  ],
  "claims a session that is held": [
    "claim",
    (s) => ({ endRun: (p) => s.endRun(p.as === "held" ? { ...p, as: "discarded" } : p) }),
  ],
  "calls every run the first": [
    "claim",
    (s) => ({
      claim: async (p) => {
        const claim = await s.claim(p);
        return claim === null ? null : { ...claim, run: { ...claim.run, attempt: 1 } };
      },
    }),
  ],
  "claims for nobody": ["claim", (s) => ({ claim: (p) => s.claim({ ...p, worker: p.worker || "nobody" }) })],
  "cancels in silence": [
    "cancel",
    (s) => ({ audit: async (p) => (await s.audit(p)).filter(({ verb }) => verb !== "input_cancelled") }),
  ],
  "forgets why an input was cancelled": ["cancel", (s) => ({ cancel: ({ reason: _, ...p }) => s.cancel(p) })],
  "ends a running input at once": [
    "cancel",
    (s) => ({ cancel: async (p) => ({ ...(await s.cancel(p)), state: "cancelled" as const }) }),
  ],
  "cancels what has ended": [
    "cancel",
    (s) => ({
      cancel: (p) =>
        unlessRefused(
          "input_closed",
          () => s.cancel(p),
          async () => (await s.inputs({ session: p.session })).find(({ id }) => id === p.input)!,
        ),
    }),
  ],
  "cancels an input of another session": [
    "cancel",
    (s) => ({
      cancel: (p) =>
        unlessRefused(
          "input_unknown",
          () => s.cancel(p),
          async () => (await s.inputs({}))[0]!,
        ),
    }),
  ],
  "tries again what was cancelled while it ran": [
    "cancel",
    (s) => ({
      cancel: async (p) => {
        const found = (await s.inputs({ session: p.session })).find(({ id }) => id === p.input);
        return found?.state === "running" ? { ...found, cancelRequested: true as const } : s.cancel(p);
      },
    }),
  ],
};
