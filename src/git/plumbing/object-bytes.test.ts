import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { commitBytes, parseCommit, parseIdentity } from "./commit-bytes.ts";
import { objectId } from "./object-id.ts";
import type { TreeEntry } from "./objects.ts";
import { parseTree, treeBytes } from "./tree-bytes.ts";

const id = "0123456789abcdef0123456789abcdef01234567";
const who = { name: "A", email: "a@b", atMs: 1_750_000_000_000, offset: "+0200" };
const file = (name: string): TreeEntry => ({ mode: "100644", name, id });
const raw = (mode: string, name: Uint8Array | string): Buffer =>
  Buffer.concat([Buffer.from(`${mode} `), Buffer.from(name), Buffer.from([0]), Buffer.from(id, "hex")]);

describe("A tree", () => {
  it("is sorted as git does, folders as if they ended in a slash", () => {
    const bytes = treeBytes([file("a.b"), { mode: "40000", name: "a", id }, file("a0"), file("é")], 20);
    expect(parseTree(bytes, 20).map(({ name }) => name)).toEqual(["a.b", "a", "a0", "é"]);
    expect(objectId("tree", treeBytes([], 20), "sha1")).toBe("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  });

  it.each([
    "",
    ".",
    "..",
    "a/b",
    "a\0b",
    ".git",
    ".GIT",
    ".git ",
    "git~1",
    ".g\u200cit",
    ".git::$DATA",
    "\ud800",
  ])("is not written with the name %j", (name) => {
    expect(() => treeBytes([file(name)], 20)).toThrow(
      expect.objectContaining({ code: "git_object_invalid" }),
    );
  });

  it("is not written with a name twice, even as file and folder, nor with a short id", () => {
    expect(() => treeBytes([file("a"), { mode: "40000", name: "a", id }], 20)).toThrow(/twice/);
    expect(() => treeBytes([file("a")], 32)).toThrow(/id/);
  });

  it.each([
    ["an unknown mode", raw("777", "a")],
    ["an endless mode", Buffer.alloc(1000, 0x31)],
    ["an id that is cut off", raw("100644", "a").subarray(0, -1)],
  ])("is refused when it is read with %s", (_what, bytes) => {
    expect(() => parseTree(bytes, 20)).toThrow(expect.objectContaining({ code: "git_object_invalid" }));
  });

  it("is read with names that none of ours may have, and is written again byte for byte", () => {
    const names = [
      ...[Buffer.from(""), Buffer.from("."), Buffer.from(".."), Buffer.from("GIT~1"), Buffer.from("a/b")],
      ...[Buffer.from("caf\xe8", "latin1"), Buffer.from("caf\xe9", "latin1"), Buffer.from("caf\ufffd")],
      ...[Buffer.from([0xed, 0xb2, 0x80]), Buffer.from([0xff]), Buffer.from("x\u{1f480}é")],
    ].toSorted((a, b) => a.compare(b));
    const bytes = Buffer.concat(names.map((name) => raw("100644", name)));
    const read = parseTree(bytes, 20);
    expect(read.filter(({ isForeign }) => isForeign !== true).map(({ name }) => name)).toEqual(["x💀é"]);
    expect(new Set(read.map(({ name }) => name)).size).toBe(names.length);
    expect(treeBytes(read.toReversed(), 20)).toEqual(bytes);
    expect(() => treeBytes([file("caf\udce9")], 20)).toThrow(/is not text/);
  });

  it("of an old git is read with the modes of today", () => {
    expect(
      parseTree(Buffer.concat([raw("100664", "a"), raw("040000", "b")]), 20).map(({ mode }) => mode),
    ).toEqual(["100644", "40000"]);
  });

  it("comes back as it was written, and any bytes are read or refused", () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
      .filter((text) => !/[/\0.~\ufffd]/.test(text));
    const mode = fc.constantFrom("100644", "100755", "120000", "40000", "160000") as fc.Arbitrary<
      TreeEntry["mode"]
    >;
    const entries = fc.uniqueArray(fc.record({ name, mode, id: fc.constant(id) }), {
      selector: (one) => one.name,
    });
    fc.assert(
      fc.property(entries, (tree) => {
        const bytes = treeBytes(tree, 20);
        expect(new Set(parseTree(bytes, 20).map((one) => JSON.stringify(one)))).toEqual(
          new Set(tree.map(({ mode: kind, name: text }) => JSON.stringify({ mode: kind, name: text, id }))),
        );
        expect(treeBytes(parseTree(bytes, 20), 20)).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
        readsOrRefuses(() => parseTree(Buffer.from(bytes), 20)),
      ),
    );
  });
});

describe("A commit", () => {
  it("comes back as it was written", () => {
    const commit = {
      tree: id,
      parents: [id, id],
      author: who,
      committer: { ...who, name: "Ü" },
      message: "Ä\n\nb",
    };
    expect(parseCommit(commitBytes(commit, 20), 20)).toEqual(commit);
  });

  it("cannot be given a field by a name, nor hold NUL or a date that git refuses", () => {
    const commit = { tree: id, parents: [], author: who, committer: who, message: "m" };
    const named = commitBytes({ ...commit, author: { ...who, name: "A\nparent x <b> 1", email: "<>" } }, 20);
    expect(parseCommit(named, 20)).toMatchObject({
      parents: [],
      author: { name: "Aparent x b 1", email: "" },
    });
    expect(() => commitBytes({ ...commit, message: "a\0b" }, 20)).toThrow(/NUL/);
    expect(() => commitBytes({ ...commit, author: { ...who, atMs: -1 } }, 20)).toThrow(/dated/);
    expect(() => commitBytes({ ...commit, author: { ...who, offset: "2" } }, 20)).toThrow(/dated/);
    expect(() => commitBytes({ ...commit, tree: "x" }, 20)).toThrow(/id/);
  });

  it("that is signed or in another encoding is read, and a signature adds no parents", () => {
    const text = `tree ${id}\nauthor J\xf6rg <j@x> 1 +0000\ncommitter C <c> 99999999999999999999 +0000\nencoding ISO-8859-1\ngpgsig -----\n parent ${id}\n -----\n\nGr\xfc\xdfe`;
    expect(parseCommit(Buffer.from(text, "latin1"), 20)).toMatchObject({
      parents: [],
      author: { name: "Jörg", atMs: 1000 },
      committer: { name: "C", atMs: 0 },
      message: "Grüße",
    });
  });

  it("of any bytes is read or refused", () => {
    const line = fc.constantFrom(
      `tree ${id}`,
      "tree x",
      "author",
      "author <",
      `parent ${id}`,
      "encoding \u0001",
      "",
    );
    const text = fc.array(fc.oneof(line, fc.string())).map((lines) => Buffer.from(lines.join("\n")));
    fc.assert(fc.property(text, (bytes) => readsOrRefuses(() => parseCommit(bytes, 20))));
    fc.assert(fc.property(fc.string(), (identity) => void parseIdentity(identity)));
  });
});

function readsOrRefuses(read: () => unknown): void {
  try {
    read();
  } catch (error) {
    expect(error).toMatchObject({ code: "git_object_invalid" });
  }
}
