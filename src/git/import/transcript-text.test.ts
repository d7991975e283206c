import { expect, test } from "vitest";
import { entriesOf } from "./transcript-text.ts";

const keysOf = (text: string): readonly string[] =>
  entriesOf(text, { sessionId: "s", atMs: 5 }).entries.map(({ key }) => key);

test("a message of a document that went on is the same one, and two with one id are two", () => {
  const document = (...messages: readonly object[]): string => JSON.stringify({ messages });
  const [asked, begun] = [{ info: { id: "m1" } }, { id: "m2", text: "It" }];
  const before = keysOf(document(asked, begun));
  expect(keysOf(document(asked, { ...begun, text: "It works" }, { id: "m3" })).slice(0, 2)).toEqual(before);
  expect(new Set(keysOf(document(begun, { ...begun, text: "again" }))).size).toBe(2);
});

test("a line is known by its words: the same one twice is two, and what is no object is counted", () => {
  const { entries, bad } = entriesOf('{"id":"x"}\n\n{"id":"x"}\nno json\n{"id":"x","n":1}\n', {
    ...{ sessionId: "s", atMs: 5 },
  });
  expect([new Set(entries.map(({ key }) => key)).size, bad]).toEqual([3, 1]);
  expect(entries.map(({ entry }) => entry.atMs)).toEqual([5, 5, 5]);
});
