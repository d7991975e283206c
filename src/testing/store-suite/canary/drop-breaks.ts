import type { Breaks } from "./breaks.ts";

/** Stores that drop too much, too little or without a trace. */
export const dropBreaks: Breaks = {
  "forgets its tombstones": ["tombstone", (s) => ({ append: (p) => s.append({ ...p, reopen: "any" }) })],
  "shows no tombstones": ["tombstone", () => ({ tombstone: async () => null })],
  "lists the oldest removals first": [
    "tombstone",
    (s) => ({ tombstones: async (p) => (await s.tombstones({ ...p, limit: 1000 })).toReversed() }),
  ],
  "lists removals of every name": [
    "tombstone",
    (s) => ({ tombstones: ({ sessionPrefix: _, ...p } = {}) => s.tombstones(p) }),
  ],
  "lets an SDK reopen what was sealed": [
    "tombstone",
    (s) => ({
      append: (p) => s.append(p.reopen === undefined ? p : { ...p, reopen: "any" }),
    }),
  ],
  "drops the session with a log": ["drop", (s) => ({ drop: ({ log: _, ...p }) => s.drop(p) })],
  "leaves a tombstone for nobody": [
    "drop",
    (s) => ({
      drop: async (p) => {
        const known = await s.session(p.session);
        if (known === null)
          await s.append({ log: { ...p.session, log: "" }, entries: [{ body: "{}" }], reopen: "any" });
        return s.drop(p);
      },
    }),
  ],
  "keeps every blob for ever": [
    "blobs",
    (s) => {
      const kept = new Map<string, Uint8Array>();
      return {
        putBlob: async (p) => {
          const put = await s.putBlob(p);
          kept.set(put.blob, p.bytes);
          return put;
        },
        getBlob: async ({ blob }) => kept.get(blob) ?? null,
      };
    },
  ],
  "frees a blob that others hold": [
    "blobs",
    (s) => {
      let dropped = false;
      return {
        drop: async (p) => {
          dropped = true;
          return s.drop(p);
        },
        getBlob: async (p) => (dropped ? null : s.getBlob(p)),
      };
    },
  ],
};

/** Stores whose feed, watch or upkeep lies. */
export const feedBreaks: Breaks = {
  "has gaps in its feed": [
    "changes",
    (s) => ({
      changes: async (p) => {
        const page = await s.changes(p);
        return { ...page, changes: page.changes.filter(({ kind }) => kind !== "described") };
      },
    }),
  ],
  "clamps the feed's positions": [
    "changes",
    (s) => ({
      changes: async (p) =>
        s.changes({ ...p, after: Math.min(p.after, (await s.changes({ after: 0 })).position) }),
    }),
  ],
  "never wakes a watcher": [
    "watch",
    (s) => ({
      async *watch({ after }, signal) {
        const { position } = await s.changes({ after: 0 });
        if (position > after) yield { position };
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    }),
  ],
  "fails a watch that was given up": [
    "watch",
    (s) => ({
      async *watch(p, signal) {
        yield* s.watch(p, signal);
        signal.throwIfAborted();
      },
    }),
  ],
  "answers after its close": ["migrate", () => ({ close: async () => undefined })],
  "migrates each time": ["migrate", () => ({ migrate: async () => ({ from: 0, to: 1 }) })],
};
