import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkEntries } from "./entry.ts";
import { fileEntry, filesIn, filesOf, isSafePath, type KeptFile, type SideFile } from "./side-files.ts";

const kept = (path: string, blob = "sha256-1"): KeptFile => {
  return { path, was: `/home/one/${path}`, blob, bytes: 1, modifiedAtMs: 2 };
};
const bodyOf = (file: SideFile): string => fileEntry({ run: "1", file }).body;

describe("the files of a session", () => {
  it("come back as they were given, whatever they are called elsewhere", () => {
    const path = fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter(isSafePath);
    const files = fc.array(
      fc.oneof(
        fc.record({
          path,
          was: fc.string({ unit: "binary" }),
          blob: fc.string(),
          bytes: fc.nat(),
          modifiedAtMs: fc.nat(),
        }),
        fc.record({ path, was: fc.string({ unit: "binary" }), reason: fc.string() }),
      ),
    );
    fc.assert(
      fc.property(files, (given) => {
        const entries = given.map((file) => fileEntry({ run: "1", file }));
        checkEntries(entries);
        expect(filesIn(entries.map(({ body }) => body))).toEqual(given);
      }),
    );
  });

  it("are each as the newest entry has it, also where that could not be kept", () => {
    const lost: SideFile = { path: "plans/a.md", was: "/b", reason: "It is gone." };
    const bodies = [kept("plans/a.md"), kept("session/x"), kept("session/x", "sha256-2"), lost].map(bodyOf);
    expect(filesOf(bodies)).toEqual([lost, kept("session/x", "sha256-2")]);
  });

  it("leave out what cannot be read", () => {
    const { path, was, blob } = kept("a");
    const damaged = [
      "no JSON",
      "{}",
      JSON.stringify({ path, was }),
      JSON.stringify({ path, was, blob, bytes: 1 }),
      JSON.stringify({ path, was, blob, modifiedAtMs: 1 }),
      JSON.stringify({ path, blob, bytes: 1, modifiedAtMs: 1 }),
      JSON.stringify({ ...kept("a"), path: "../a" }),
    ];
    expect(filesOf([...damaged, bodyOf(kept("a"))])).toEqual([kept("a")]);
  });

  it.each([
    "",
    "/etc/passwd",
    "../a",
    "a/../../b",
    "a//b",
    "./a",
    "a/.",
    "a\\..\\b",
    "C:a",
    "a/b ",
    "a/b.",
    "a\0b",
    "a\nb",
    "\ud800",
    "a".repeat(1025),
  ])("cannot be called %j, which could lead elsewhere", (path) => {
    expect(() => bodyOf(kept(path))).toThrow(expect.objectContaining({ code: "invalid_entry" }));
  });
});
