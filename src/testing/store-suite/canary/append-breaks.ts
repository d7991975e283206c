import { setTimeout as delay } from "node:timers/promises";
import { isHoldfastError } from "../../../core/errors.ts";
import type { Breaks } from "./breaks.ts";

/** Stores that write what they should not, or not all of it. */
export const appendBreaks: Breaks = {
  "appends duplicates again": [
    "dedupe",
    (s) => ({
      append: (p) => s.append({ ...p, entries: p.entries.map(({ uuid: _, ...entry }) => entry) }),
    }),
  ],
  "does not count duplicates": [
    "dedupe",
    (s) => ({ append: async (p) => ({ ...(await s.append(p)), duplicates: 0 }) }),
  ],
  "takes a uuid for known over all logs": [
    "dedupe",
    (s) => {
      const seen = new Set<string>();
      return {
        append: (p) => {
          const entries = p.entries.filter(({ uuid }) => uuid === undefined || !seen.has(uuid));
          for (const { uuid } of entries) if (uuid !== undefined) seen.add(uuid);
          return s.append({ ...p, entries });
        },
      };
    },
  ],
  "writes a change row for a batch of duplicates": [
    "dedupe",
    (s) => ({
      append: async (p) => {
        const result = await s.append(p);
        if (result.appended === 0 && p.entries.length > 0) await s.describe({ session: p.log });
        return result;
      },
    }),
  ],
  "gives the next session what belongs to one that was refused": [
    "atomicity",
    (s) => {
      let failed: string | undefined;
      return {
        append: async (p) => {
          const session = p.log.session === failed ? "s-3" : p.log.session;
          return s.append({ ...p, log: { ...p.log, session } }).catch((error: unknown) => {
            if (!isHoldfastError(error)) failed = p.log.session;
            throw error;
          });
        },
      };
    },
  ],
  "stores a batch in reverse": [
    "append",
    (s) => ({ append: (p) => s.append({ ...p, entries: p.entries.toReversed() }) }),
  ],
  "makes a session of nothing": [
    "append",
    (s) => ({
      append: (p) => s.append(p.entries.length > 0 ? p : { ...p, entries: [{ body: "{}" }] }),
    }),
  ],
  "ignores the head that an append expects": [
    "append",
    (s) => ({ append: ({ expectHead: _, ...p }) => s.append(p) }),
  ],
  "ignores the times that entries bring": [
    "append",
    (s) => ({
      append: (p) => s.append({ ...p, entries: p.entries.map(({ atMs: _, ...entry }) => entry) }),
    }),
  ],
  "keeps the first half of a batch that is refused": [
    "atomicity",
    (s) => ({
      append: (p) =>
        s.append(p).catch(async (error: unknown) => {
          const index = isHoldfastError(error) ? error.data["index"] : undefined;
          if (typeof index === "number") await s.append({ ...p, entries: p.entries.slice(0, index) });
          throw error;
        }),
    }),
  ],
  "folds after the write": [
    "atomicity",
    (s) => ({
      append: async ({ fold, ...p }) => {
        const result = await s.append(p);
        fold?.({ summary: null, title: null }, p.entries);
        return result;
      },
    }),
  ],
  "ignores that an append was given up": [
    "atomicity",
    (s) => ({ append: ({ signal: _, ...p }) => s.append(p) }),
  ],
  "stores a batch entry by entry": [
    "concurrency",
    (s) => ({
      append: async (p) => {
        const results = [];
        for (const entry of p.entries) {
          results.push(await s.append({ ...p, entries: [entry] }));
          await new Promise((resolve) => setImmediate(resolve));
        }
        return { ...results.at(-1)!, from: results[0]!.from, appended: results.length };
      },
    }),
  ],
  "lets calls overtake each other": [
    "concurrency",
    (s) => {
      let calls = 0;
      return {
        append: async (p) => {
          calls += 1;
          await delay(calls % 3);
          return s.append(p);
        },
      };
    },
  ],
  "keeps its input by reference": [
    "isolation",
    (s) => ({
      append: async (p) => {
        await Promise.resolve();
        return s.append(p);
      },
    }),
  ],
  "encodes bodies anew": [
    "bodies",
    (s) => ({
      append: (p) =>
        s.append({
          ...p,
          entries: p.entries.map((e) => ({ ...e, body: JSON.stringify(JSON.parse(e.body)) })),
        }),
    }),
  ],
  "drops escaped NULs": [
    "bodies",
    (s) => ({
      append: (p) =>
        s.append({ ...p, entries: p.entries.map((e) => ({ ...e, body: e.body.replaceAll("\\u0000", "") })) }),
    }),
  ],
  "cuts a large batch": [
    "bodies",
    (s) => ({ append: (p) => s.append({ ...p, entries: p.entries.slice(0, 50_000) }) }),
  ],
  "folds the case of names": [
    "keys",
    (s) => ({
      append: (p) => s.append({ ...p, log: { ...p.log, session: p.log.session.toLowerCase() } }),
    }),
  ],
  "cuts names at a NUL": [
    "keys",
    (s) => ({
      append: (p) => s.append({ ...p, log: { ...p.log, session: p.log.session.split("\0")[0]! } }),
    }),
  ],
};
