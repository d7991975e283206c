import { describe, expect, test } from "vitest";
import { plainOf, RawObject } from "../format/raw-json.ts";
import { joinCommitLists } from "./join-commit-lists.ts";

const root = (...commits: readonly string[]): RawObject =>
  RawObject.of({ commit_anchors: commits.map((sha) => ({ sha, tree: `tree of ${sha}` })) });

const anchors = (joined: ReturnType<typeof joinCommitLists>): unknown =>
  joined["commit_anchors"]?.map((entry) => (plainOf(entry) as { sha: string }).sha);

describe("the commits that two machines linked to one checkpoint", () => {
  test("are all named, but for those that an amend or a rebase of either side replaced", () => {
    const joined = joinCommitLists({
      base: root("old", "kept", "rebased"),
      ours: root("old", "kept", "ours"),
      theirs: root("kept", "rebased", "theirs"),
    });
    expect(anchors(joined)).toEqual(["kept", "theirs", "ours"]);
  });

  test("are all named where the sides have nothing in common", () => {
    expect(anchors(joinCommitLists({ base: null, ours: root("a"), theirs: root("b", "a") }))).toEqual([
      "b",
      "a",
    ]);
  });

  test("do not outgrow what a reader looks at", () => {
    const many = (name: string): RawObject =>
      root(...Array.from({ length: 80 }, (_, index) => `${name}${index}`));
    const joined = joinCommitLists({ base: null, ours: many("ours"), theirs: many("theirs") });
    expect(joined["commit_anchors"]).toHaveLength(100);
    expect(anchors(joined)).toContain("ours79");
  });

  test("are left as they are where one side keeps no list", () => {
    expect(joinCommitLists({ base: null, ours: root("a"), theirs: new RawObject([]) })).toEqual({});
  });
});
