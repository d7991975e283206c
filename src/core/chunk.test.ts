import fc from "fast-check";
import { expect, test } from "vitest";
import { chunksOf, entriesOf, type TimedEntry, uuidsIn } from "./chunk.ts";

const text = fc.string({ unit: "binary", maxLength: 20 });
const entry: fc.Arbitrary<TimedEntry> = fc
  .record({ value: text, uuid: fc.option(text, { nil: undefined }), atMs: fc.nat() })
  .map(({ value, uuid, atMs }) => ({ body: JSON.stringify({ value }), uuid, atMs }));

test("a log that was cut into chunks is read back whole, and in any window", () => {
  fc.assert(
    fc.property(
      fc.array(entry, { minLength: 1, maxLength: 200 }),
      fc.nat(1000),
      fc.nat(200),
      fc.nat(200),
      (entries, head, skip, count) => {
        const [from, to] = [head + 1 + skip, head + skip + count];
        const expected = entries
          .map(({ uuid, ...rest }, index) => ({
            seq: head + 1 + index,
            ...rest,
            ...(uuid === undefined ? {} : { uuid }),
          }))
          .filter(({ seq }) => from <= seq && seq <= to);
        const chunks = chunksOf(head, entries);
        expect(chunks.flatMap((chunk) => entriesOf(chunk, from, to))).toEqual(expected);
        expect(chunks.flatMap(({ uuids }) => (uuids === null ? [] : uuidsIn(uuids)))).toEqual(
          entries.flatMap(({ uuid }) => uuid ?? []),
        );
      },
    ),
  );
});

test("a chunk stays small enough for a reader of one entry, and a big entry stands alone", () => {
  const bodies = [...Array.from({ length: 100 }, () => 10), 50_000, 90_000, 10, 500_000, 20];
  const entries = bodies.map((length) => ({ body: `{"t":"${"x".repeat(length)}"}`, atMs: 1 }));
  const sizes = chunksOf(0, entries).map(({ first, last }) => last - first + 1);
  expect(sizes).toEqual([64, 37, 2, 1, 1]);
});
