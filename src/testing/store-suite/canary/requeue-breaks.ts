import type { Input } from "../../../core/input.ts";
import type { Store } from "../../../core/store.ts";
import { type Breaks, unlessRefused } from "./breaks.ts";

/** Stores that bring back what was done with, or lose its history. */
export const requeueBreaks: Breaks = {
  "requeues in silence": [
    "requeue",
    (s) => ({ audit: async (p) => (await s.audit(p)).filter(({ verb }) => verb !== "input_requeued") }),
  ],
  "forgets why an input was requeued": [
    "requeue",
    (s) => ({ requeue: ({ reason: _, ...p }) => s.requeue(p) }),
  ],
  "tells no change of a requeue": [
    "requeue",
    (s) => {
      let hidden = 0;
      return {
        requeue: async (p) => {
          const done = await s.requeue(p);
          hidden = (await s.changes({ after: 0 })).position;
          return done;
        },
        changes: async (p) => {
          const page = await s.changes(p);
          return { ...page, changes: page.changes.filter(({ seq }) => seq !== hidden) };
        },
      };
    },
  ],
  "keeps the reason of what is queued again": [
    "requeue",
    (s) => ({
      requeue: async (p) => {
        const before = await inputOf(s, p.input);
        const { input, requeued } = await s.requeue(p);
        const { reason } = before ?? {};
        return { requeued, input: reason === undefined ? input : { ...input, reason } };
      },
    }),
  ],
  "counts the old tries of what is queued again": [
    "requeue",
    (s) => ({
      requeue: async (p) => {
        const before = await inputOf(s, p.input);
        const { input, requeued } = await s.requeue(p);
        return { requeued, input: { ...input, attempts: before?.attempts ?? 0 } };
      },
    }),
  ],
  "says of an open input that it was requeued": [
    "requeue",
    (s) => ({ requeue: async (p) => ({ ...(await s.requeue(p)), requeued: true }) }),
  ],
  "says of no input that it was requeued": [
    "requeue",
    (s) => ({ requeue: async (p) => ({ ...(await s.requeue(p)), requeued: false }) }),
  ],
  "requeues what was consumed or cancelled": [
    "requeue",
    (s) => ({
      requeue: (p) =>
        unlessRefused(
          "input_closed",
          () => s.requeue(p),
          async () => ({ input: (await inputOf(s, p.input))!, requeued: true }),
        ),
    }),
  ],
  "requeues an input of another session": [
    "requeue",
    (s) => ({
      requeue: (p) =>
        unlessRefused(
          "input_unknown",
          () => s.requeue(p),
          async () => ({ input: (await s.inputs({}))[0]!, requeued: true }),
        ),
    }),
  ],
  "requeues nothing": [
    "requeue",
    (s) => ({
      requeue: async (p) => {
        const input = await inputOf(s, p.input);
        if (input?.state !== "abandoned") return s.requeue(p);
        return { input: { ...input, state: "queued", attempts: 0 }, requeued: true };
      },
    }),
  ],
  "gives a requeued input the run ids of before": [
    "requeue",
    (s) => {
      const again = new Set<string>();
      return {
        requeue: async (p) => {
          again.add(p.input);
          return s.requeue(p);
        },
        claim: async (p) => {
          const claim = await s.claim(p);
          if (claim === null || !again.has(claim.input.id)) return claim;
          const attempt = claim.run.attempt - 3;
          return { ...claim, run: { ...claim.run, attempt, id: `${claim.input.id}.${attempt}` } };
        },
      };
    },
  ],
  "puts a requeued input behind the others": [
    "requeue",
    (s) => ({
      requeue: async (p) => {
        const done = await s.requeue(p);
        const rest = (await s.inputs({ session: p.session, state: "queued" })).filter(
          ({ id, priority }) => id !== p.input && priority === 0,
        );
        for (const { id, key, body } of rest) {
          await s.cancel({ session: p.session, input: id, actor: "x" });
          await s.admit({ session: p.session, key: `${key} again`, body, priority: 1 });
        }
        return done;
      },
    }),
  ],
  "requeues what was given up by an operator as cancelled": [
    "requeue",
    (s) => ({
      requeue: async (p) => {
        const before = await inputOf(s, p.input);
        const done = await s.requeue(p);
        return before?.attempts === 3 ? done : { ...done, input: { ...done.input, state: "cancelled" } };
      },
    }),
  ],
};

async function inputOf(store: Store, input: string): Promise<Input | undefined> {
  return (await store.inputs({ input }))[0];
}
