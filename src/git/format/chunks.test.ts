import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkIndex, chunkName, chunksOf, joinChunks, splitChunks } from "./chunks.ts";
import { ContentHasher, contentHashOf, isContentHash } from "./hash.ts";

const split = (text: string, maxBytes: number) =>
  splitChunks(Buffer.from(text), maxBytes).map((chunk) => Buffer.from(chunk).toString());

describe("chunks", () => {
  test("a text up to the limit is one piece, with or without a last newline", () => {
    expect(split("ab\ncd\n", 6)).toEqual(["ab\ncd\n"]);
    expect(split("abcdef", 6)).toEqual(["abcdef"]);
    expect(split("", 6)).toEqual([""]);
  });

  test("a longer text is split so that each piece fits with its newline, which is left out", () => {
    expect(split("ab\ncd\nef\n", 6)).toEqual(["ab\ncd", "ef\n"]);
    expect(split("ab\n\ncd\nef", 4)).toEqual(["ab\n", "cd", "ef"]);
  });

  test("a line that does not fit with its newline is refused", () => {
    expect(() => split("a\nabcd\nb", 4)).toThrow(expect.objectContaining({ code: "checkpoint_invalid" }));
  });

  test("pieces joined are the text, none is larger than the limit, and their hash is the text's", () => {
    const text = fc
      .array(fc.constantFrom("\n", "a", "é", "bb\n", "\r\n"), { maxLength: 60 })
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (content, maxBytes) => {
        const bytes = Buffer.from(content);
        fc.pre(
          bytes.length <= maxBytes || content.split("\n").every((line) => Buffer.byteLength(line) < maxBytes),
        );
        const chunks = splitChunks(bytes, maxBytes);
        expect(joinChunks(chunks)).toEqual(bytes);
        expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(maxBytes);
        expect(contentHashOf(chunks)).toBe(contentHashOf([bytes]));
      }),
      { numRuns: 1000 },
    );
  });

  test("a hash is 71 bytes without a newline, and may be taken on the way", () => {
    const hash = contentHashOf([Buffer.from("abc")]);
    expect(hash).toBe("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect([
      hash.length,
      isContentHash(hash),
      isContentHash(`${hash}\n`),
      isContentHash(hash.toUpperCase()),
    ]).toEqual([71, true, false, false]);
    const hasher = new ContentHasher();
    hasher.chunk(Buffer.from("a"));
    expect(hasher.hash()).toBe(contentHashOf([Buffer.from("a")]));
    hasher.chunk(Buffer.from("b"));
    expect(hasher.hash()).toBe(contentHashOf([Buffer.from("a\nb")]));
  });

  test("pieces are put in the order of their numbers, also beyond 999, and foreign files are left alone", () => {
    const names = [
      "full.jsonl.1000",
      "full.jsonl.bak",
      "full.jsonl.002",
      "full.jsonl",
      "full.jsonl.0001",
      "full.jsonl.1",
      "full.jsonl.000",
      "full.jsonl2",
      "full.jsonl.999",
    ];
    const { chunks, missing } = chunksOf(
      "full.jsonl",
      names.map((name) => ({ name })),
    );
    expect(chunks.map(({ name }) => name)).toEqual([
      "full.jsonl",
      "full.jsonl.002",
      "full.jsonl.999",
      "full.jsonl.1000",
    ]);
    expect(missing.slice(0, 3)).toEqual([1, 3, 4]);
  });

  test("a piece's name tells its number", () => {
    for (const index of [0, 1, 12, 999, 1000, 123_456]) {
      expect(chunkIndex("raw_transcript", chunkName("raw_transcript", index))).toBe(index);
    }
    expect(chunkName("full.jsonl", 7)).toBe("full.jsonl.007");
  });

  test("a file whose first piece is missing is told", () => {
    expect(chunksOf("full.jsonl", [{ name: "full.jsonl.001" }]).missing).toEqual([0]);
  });
});
