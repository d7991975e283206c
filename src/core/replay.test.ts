import fc from "fast-check";
import { expect, test } from "vitest";
import type { RunEvent } from "./event.ts";
import { asReplayed, replayMarker, ToldEvents } from "./replay.ts";
import { noTokens } from "./usage.ts";

function lackingIn(told: readonly RunEvent[], source: readonly RunEvent[]): RunEvent[] {
  const known = new ToldEvents();
  for (const event of told) known.add(event);
  return source.filter(known.source());
}

const text = fc.constantFrom("a", "b", "");
const entry = fc.option(fc.constantFrom("e-1", "e-2"), { nil: undefined });
const words = fc
  .record({ type: fc.constantFrom("user", "assistant", "thinking", "notice"), text, entry })
  .map(({ type, text: said, entry: of }) => {
    return { type, text: said, ...(of === undefined ? {} : { entry: of }) } as RunEvent;
  });
const calls = fc
  .record({ isCall: fc.boolean(), call: fc.constantFrom("c-1", "c-2", "c-3") })
  .map(({ isCall, call }): RunEvent => {
    return isCall
      ? { type: "tool_call", call, name: "Read" }
      : { type: "tool_summary", call, ok: true, text: "" };
  });
const twoOfOneEntry: RunEvent[] = [
  { type: "user", text: "b", entry: "e-2" },
  { type: "user", text: "a", entry: "e-2" },
];
const events = fc.array(fc.oneof(words, calls), { maxLength: 12 });
const bare = fc
  .array(words, { maxLength: 12 })
  .map((all) => all.map(({ entry: _, ...event }) => event as RunEvent));

test("Of what was told already nothing is lacking, whatever part of it and however often a source tells it.", () => {
  fc.assert(
    fc.property(events, fc.array(fc.boolean()), (told, chosen) => {
      const part = told.filter((_, at) => chosen[at] ?? true);
      expect(lackingIn(told, part)).toEqual([]);
      const known = new ToldEvents();
      for (const event of told) known.add(event);
      for (const _ of [1, 2]) expect(part.filter(known.source())).toEqual([]);
    }),
  );
});

test("What is lacking comes in its order, and with it nothing is lacking any more.", () => {
  fc.assert(
    fc.property(events, events, (told, source) => {
      const lacking = lackingIn(told, source);
      let at = -1;
      for (const event of lacking) expect((at = source.indexOf(event, at + 1))).toBeGreaterThan(-1);
      expect(lackingIn([...told, ...lacking], source)).toEqual([]);
    }),
    { numRuns: 2000, examples: [[[{ type: "user", text: "b" }], twoOfOneEntry]] },
  );
});

test("Texts without an entry are told as often as either source tells them, and no more often.", () => {
  fc.assert(
    fc.property(bare, bare, (told, source) => {
      const all = [...told, ...lackingIn(told, source)];
      const count = (of: readonly RunEvent[], key: string): number =>
        of.filter((event) => JSON.stringify(event) === key).length;
      for (const key of new Set([...told, ...source].map((event) => JSON.stringify(event))))
        expect(count(all, key)).toBe(Math.max(count(told, key), count(source, key)));
    }),
  );
});

const user = { type: "user", text: "Go." } as const;
const assistant = { type: "assistant", text: "Done." } as const;

test.each<[string, readonly RunEvent[], readonly RunEvent[], readonly RunEvent[]]>([
  [
    "an entry is known by its uuid although its text is cut",
    [{ ...user, entry: "e" }],
    [{ ...user, text: "G", entry: "e" }],
    [],
  ],
  [
    "two entries with one text are two",
    [{ ...user, entry: "e" }],
    [{ ...user, entry: "f" }],
    [{ ...user, entry: "f" }],
  ],
  ["an event of our log without an entry is known in a transcript", [user], [{ ...user, entry: "e" }], []],
  ["a history that knows no entries is compared by text", [{ ...user, entry: "e" }], [user, user], [user]],
  [
    "an entry has an event of each kind",
    [{ ...assistant, entry: "e" }],
    [{ type: "thinking", text: "Hm.", entry: "e" }],
    [{ type: "thinking", text: "Hm.", entry: "e" }],
  ],
  ["a piece does not stand for the whole", [{ ...assistant, partial: true }], [assistant], [assistant]],
  ["a piece is never lacking", [], [{ ...assistant, partial: true }], []],
  [
    "a call and its result are two",
    [{ type: "tool_call", call: "c", name: "Read" }],
    [
      { type: "tool_call", call: "c", name: "Other" },
      { type: "tool_summary", call: "c", ok: true, text: "x" },
    ],
    [{ type: "tool_summary", call: "c", ok: true, text: "x" }],
  ],
  [
    "a response is known by its key",
    [{ type: "usage", key: "k", model: "m", tokens: noTokens }],
    [{ type: "usage", key: "k", model: "n", tokens: noTokens }],
    [],
  ],
  [
    "other kinds are known by their words",
    [
      { type: "status", status: "waiting" },
      { type: "error", message: "Bad." },
      { type: "tool_progress", call: "c", text: "1" },
      { type: "result", ok: true, text: "x" },
    ],
    [
      { type: "status", status: "waiting" },
      { type: "error", message: "Bad." },
      { type: "tool_progress", call: "d", text: "1" },
      { type: "result", ok: true, text: "x" },
    ],
    [{ type: "tool_progress", call: "d", text: "1" }],
  ],
  [
    "a call that is told twice by its source is lacking once",
    [],
    [
      { type: "tool_call", call: "c", name: "Read" },
      { type: "tool_call", call: "c", name: "Read" },
    ],
    [{ type: "tool_call", call: "c", name: "Read" }],
  ],
])("Told again or not: %s.", (_, told, source, lacking) => {
  expect(lackingIn(told, source)).toEqual(lacking);
});

test("What is shown again says so, and so does its marker.", () => {
  expect(asReplayed(user)).toEqual({ ...user, replayed: true });
  expect(replayMarker("1.1")).toEqual({
    type: "status",
    status: "replay_started",
    of: "1.1",
    replayed: true,
  });
  const told = new ToldEvents();
  told.add(user);
  told.add({ ...assistant, partial: true });
  expect(told.size).toBe(1);
});
