import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkId,
  compareIds,
  idOfRef,
  idOfTreePath,
  inOwnShard,
  mintHexId,
  mintUlid,
  refOfCheckpoint,
  shapeOfId,
  treePathOf,
  ulidTimeMs,
} from "./ids.ts";

const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const hex = "a3b2c4d5e6f7";
const random = (bytes: readonly number[]) => (count: number) => Uint8Array.from(bytes).subarray(0, count);
const byte = fc.integer({ min: 0, max: 255 });

describe("ids", () => {
  test("a ULID tells the time that it was minted with, to the millisecond", () => {
    expect(ulidTimeMs(ulid)).toBe(1_469_922_850_259);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.array(byte, { minLength: 10, maxLength: 10 }),
        (nowMs, bytes) => {
          const id = mintUlid({ nowMs, random: random(bytes) });
          expect(shapeOfId(id)).toBe("ulid");
          expect(ulidTimeMs(id)).toBe(nowMs);
        },
      ),
    );
  });

  test("all randomness that a ULID and a hex id are given is in them", () => {
    const zero = mintUlid({ nowMs: 0, random: random(Array<number>(10).fill(0)) });
    for (let at = 0; at < 10; at += 1) {
      const bytes = Array.from({ length: 10 }, (_, index) => (index === at ? 1 : 0));
      expect(mintUlid({ nowMs: 0, random: random(bytes) })).not.toBe(zero);
    }
    expect(mintHexId(random([0xa3, 0xb2, 0xc4, 0xd5, 0xe6, 0x07]))).toBe("a3b2c4d5e607");
  });

  test.each([
    ["lower case", ulid.toLowerCase()],
    ["an alias of 1", ulid.replace("1", "I")],
    ["an alias of 0", ulid.replace("0", "O")],
    ["a letter that the alphabet leaves out", ulid.replace("Z", "U")],
    ["more than 128 bits", `8${ulid.slice(1)}`],
    ["upper-case hex", "A3B2C4D5E6F7"],
    ["11 digits", hex.slice(1)],
    ["a line break at the end", `${hex}\n`],
    ["a path", "../../../etc"],
    ["nothing", ""],
  ])("an id with %s is refused", (_fault, id) => {
    expect(shapeOfId(id)).toBeUndefined();
    expect(() => checkId(id)).toThrow(expect.objectContaining({ code: "checkpoint_invalid" }));
  });

  test("a ref is sharded by the last two characters, and a tree by the first two", () => {
    expect(refOfCheckpoint(hex)).toBe("refs/entire/checkpoints/f7/a3b2c4d5e6f7");
    expect(refOfCheckpoint(ulid)).toBe(`refs/entire/checkpoints/AV/${ulid}`);
    expect(treePathOf(hex)).toEqual({ shard: "a3", name: "b2c4d5e6f7" });
    expect(treePathOf(ulid)).toEqual({ shard: "01", name: ulid.slice(2) });
  });

  test("an id survives its way through a ref and through a tree", () => {
    for (const id of [hex, ulid]) {
      expect(idOfRef(refOfCheckpoint(id))).toBe(id);
      expect(idOfTreePath(treePathOf(id))).toBe(id);
    }
  });

  test.each([
    "refs/entire/checkpoints/v2/main",
    "refs/entire/checkpoints/v2/full/current",
    "refs/entire/checkpoints/a3/a3b2c4d5e6f7",
    "refs/entire/checkpoints/f7/a3b2c4d5e6f7/more",
    "refs/entire/checkpoints/f7//a3b2c4d5e6f7",
    "refs/entire/checkpoints/a3b2c4d5e6f7",
    "refs/heads/entire/checkpoints/f7/a3b2c4d5e6f7",
    `refs/entire/checkpoints/av/${ulid.toLowerCase()}`,
  ])("the ref %s names no checkpoint", (ref) => {
    expect(idOfRef(ref)).toBeUndefined();
  });

  test("a shard in other letters is one of its own name, and no other ref is touched", () => {
    expect(inOwnShard("refs/entire/checkpoints/av/" + ulid)).toBe(refOfCheckpoint(ulid));
    expect(inOwnShard("refs/entire/checkpoints/F7/" + hex)).toBe(refOfCheckpoint(hex));
    for (const ref of [
      `refs/entire/checkpoints/AX/${ulid}`,
      "refs/entire/checkpoints/v2/main",
      `refs/x/av/${ulid}`,
    ])
      expect(inOwnShard(ref)).toBe(ref);
  });

  test("a tree path is foreign where the shard has not two characters", () => {
    expect(idOfTreePath({ shard: "a3b", name: "2c4d5e6f7" })).toBeUndefined();
    expect(idOfTreePath({ shard: "", name: hex })).toBeUndefined();
  });

  test("ULIDs stand before hex ids, the newest first", () => {
    const older = mintUlid({ nowMs: 1, random: random(Array<number>(10).fill(9)) });
    const newer = mintUlid({ nowMs: 2, random: random(Array<number>(10).fill(0)) });
    expect(["b00000000000", older, "a00000000000", newer].toSorted(compareIds)).toEqual([
      newer,
      older,
      "a00000000000",
      "b00000000000",
    ]);
  });
});
