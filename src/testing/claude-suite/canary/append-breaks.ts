import { setImmediate as nextTurn } from "node:timers/promises";
import type { SuiteEntry } from "../contract.ts";
import type { Breaks } from "./plain-store.ts";

/** Stores that write what they should not, or not all of it. */
export const appendBreaks: Breaks = {
  "does not dedupe": ["append", () => ({ isKnown: () => false })],
  "takes equal entries without a uuid for one": [
    "append",
    () => ({ isKnown: (known, { uuid }) => known.has(uuid) }),
  ],
  "takes a uuid for known over all keys": [
    "append",
    () => {
      const seen = new Set<string>();
      return {
        isKnown: (_, { uuid }) => {
          const known = uuid !== undefined && seen.has(uuid);
          if (uuid !== undefined) seen.add(uuid);
          return known;
        },
      };
    },
  ],
  "dedupes against earlier batches only": [
    "append",
    () => {
      let before: ReadonlySet<unknown> = new Set();
      let last: unknown;
      return {
        isKnown: (known, { uuid }) => {
          if (last !== known) [last, before] = [known, new Set(known)];
          return uuid !== undefined && before.has(uuid);
        },
      };
    },
  ],
  "keeps the last of two entries with one uuid": [
    "append",
    (s, plain) => ({
      append: async (key, entries) => {
        await plain.append(key, entries);
        for (const entry of s.copyIn(entries)) {
          const log = s.logs.get(s.idOf(key))!;
          const at = log.findIndex(({ uuid }) => uuid !== undefined && uuid === entry.uuid);
          if (at !== -1) log[at] = entry;
        }
      },
    }),
  ],
  "moves what comes again to the end": [
    "append",
    (s, plain) => ({
      append: async (key, entries) => {
        const sent = new Set(entries.flatMap(({ uuid }) => uuid ?? []));
        const log = s.logs.get(s.idOf(key));
        if (log !== undefined)
          s.logs.set(
            s.idOf(key),
            log.filter(({ uuid }) => !sent.has(uuid ?? "")),
          );
        await plain.append(key, entries);
      },
    }),
  ],
  "takes an array that comes again for a retry": [
    "append",
    (_, plain) => {
      const sent = new WeakSet<object>();
      return {
        append: async (key, entries) => {
          if (!sent.has(entries)) await plain.append(key, entries);
          sent.add(entries);
        },
      };
    },
  ],
  "takes a batch that begins like the last for its retry": [
    "append",
    (_, plain) => {
      let last: string | undefined;
      return {
        append: async (key, entries) => {
          const first = JSON.stringify([key, entries[0]]);
          if (first !== last) await plain.append(key, entries);
          last = first;
        },
      };
    },
  ],
  "makes a key of nothing": [
    "append",
    (s, plain) => ({
      append: async (key, entries) => {
        if (entries.length > 0) await plain.append(key, entries);
        else s.logs.set(s.idOf(key), s.logs.get(s.idOf(key)) ?? []);
      },
    }),
  ],
  "lists a session of nothing": [
    "append",
    (s, plain) => ({
      append: async (key, entries) => {
        if (entries.length > 0) await plain.append(key, entries);
        else s.foldInto(key, [], []);
      },
    }),
  ],
  "keeps the caller's own objects": [
    "append",
    (_, plain) => ({
      copyIn: (entries) => (entries.length > 100 ? plain.copyIn(entries) : [...entries]),
    }),
  ],
  "keeps at most 65,532 entries of a batch": [
    "append",
    (_, plain) => ({ append: (key, entries) => plain.append(key, entries.slice(0, 65_532)) }),
  ],
  "puts the pieces of a large batch in another order": [
    "append",
    (_, plain) => ({
      append: async (key, entries) => {
        const pieces = [
          entries.slice(0, 1),
          entries.slice(60_000, -1),
          entries.slice(1, 60_000),
          entries.slice(-1),
        ];
        await plain.append(key, entries.length > 60_001 ? pieces.flat() : entries);
      },
    }),
  ],
  "stores a batch entry by entry": [
    "appends at the same moment",
    (_, plain) => ({
      append: async (key, entries) => {
        for (const entry of plain.copyIn(entries)) {
          await plain.append(key, [entry]);
          await nextTurn();
        }
      },
    }),
  ],
  "lets calls overtake each other": [
    "appends at the same moment",
    (_, plain) => {
      let calls = 0;
      return {
        append: async (key, entries) => {
          calls += 1;
          const copy = plain.copyIn(entries);
          for (let turn = calls % 3; turn > 0; turn -= 1) await nextTurn();
          await plain.append(key, copy);
        },
      };
    },
  ],
  "looks for duplicates before it waits for its turn": [
    "appends at the same moment",
    (s, plain) => ({
      append: async (key, entries) => {
        const known = new Set(s.logs.get(s.idOf(key))?.map(({ uuid }) => uuid));
        const fresh = plain.copyIn(entries).filter((entry) => !s.isKnown(known, entry));
        await nextTurn();
        s.logs.set(s.idOf(key), [...(s.logs.get(s.idOf(key)) ?? []), ...fresh]);
      },
    }),
  ],
  "loses one of two writes at the same moment": [
    "appends at the same moment",
    (s, plain) => ({
      append: async (key, entries) => {
        const before = s.logs.get(s.idOf(key)) ?? [];
        const copy = plain.copyIn(entries);
        await nextTurn();
        s.logs.set(s.idOf(key), [...before, ...copy]);
      },
    }),
  ],
  "writes to the key of the call before": [
    "appends at the same moment",
    (_, plain) => {
      let key: Parameters<typeof plain.append>[0];
      return {
        append: async (ownKey, entries) => {
          key = ownKey;
          const copy = plain.copyIn(entries);
          await nextTurn();
          await plain.append(key, copy);
        },
      };
    },
  ],
  "lists a session some time after its entries are stored": [
    "appends at the same moment",
    (_, plain) => ({
      isFolded: () => false,
      append: async (key, entries) => {
        const copy = plain.copyIn(entries);
        await plain.append(key, copy);
        await nextTurn();
        plain.foldInto(key, copy, copy);
      },
    }),
  ],
  "keeps the first entries of a batch that it refuses": [
    "atomicity",
    (_, plain) => ({
      append: async (key, entries) => {
        const whole: SuiteEntry[] = [];
        try {
          for (const entry of entries) whole.push(...plain.copyIn([entry]));
        } finally {
          await plain.append(key, whole);
        }
      },
    }),
  ],
  "says nothing of a batch that it refuses": [
    "atomicity",
    (_, plain) => ({ append: (key, entries) => plain.append(key, entries).catch(() => undefined) }),
  ],
  "remembers the uuids of a batch that it refused": [
    "atomicity",
    (s, plain) => {
      const seen = new Set<string>();
      return {
        append: async (key, entries) => {
          const fresh = entries.filter(({ uuid }) => uuid === undefined || !seen.has(s.idOf(key) + uuid));
          for (const { uuid } of fresh) if (uuid !== undefined) seen.add(s.idOf(key) + uuid);
          await plain.append(key, fresh);
        },
      };
    },
  ],
  "shows a batch before all of it is stored": [
    "atomicity",
    (_, plain) => ({
      append: async (key, entries) => {
        const copy = plain.copyIn(entries);
        if (copy.length === 5) await plain.append(key, copy.slice(0, 2));
        await nextTurn();
        await plain.append(key, copy.slice(copy.length === 5 ? 2 : 0));
      },
    }),
  ],
};
