import { describe, expect, test } from "vitest";
import { bodyOf, guessCommentStyle } from "./message-body.ts";
import { addTrailers, parseTrailers, saysNothingElse, stripTrailers } from "./trailers.ts";

const id = "a3b2c4d5e6f7";
const other = "0123456789ab";
const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const session = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
const hash = { start: "#" };
const scissors = "# ------------------------ >8 ------------------------";
const text = (...lines: readonly string[]) => lines.join("\n");

describe("reading trailers", () => {
  test("all checkpoints of a squash are found in their order, each once, wherever they stand", () => {
    const squash = text(
      "Squash",
      "",
      "* First",
      "",
      `Entire-Checkpoint: ${other}`,
      "",
      "* Second",
      "",
      `Entire-Checkpoint: ${ulid}`,
      `Entire-Checkpoint: ${other}`,
      `Entire-Checkpoint:${id}`,
    );
    expect(parseTrailers(squash).checkpoints).toEqual([other, ulid, id]);
  });

  test.each([
    ["too long", `Entire-Checkpoint: ${id}0`],
    ["too short", `Entire-Checkpoint: ${id.slice(1)}`],
    ["in upper case", `Entire-Checkpoint: ${id.toUpperCase()}`],
    ["followed by something", `Entire-Checkpoint: ${id}.`],
    ["of another name", `Entire-Checkpoints: ${id}`],
  ])("an id %s is none", (_fault, line) => {
    expect(parseTrailers(`Title\n\n${line}\n`).checkpoints).toEqual([]);
  });

  test("sessions and what old versions wrote are told apart", () => {
    const message = text(
      "Title",
      "",
      `Agent-Session: ${session}`,
      "Entire-Source-Ref: main@abc",
      "Entire-Metadata: .entire/metadata/x",
      "Base-Commit: abc",
      "Agent-Session: two words",
    );
    const { sessions, old } = parseTrailers(message);
    expect(sessions).toEqual([session]);
    expect(Object.fromEntries(old)).toEqual({
      "Entire-Source-Ref": ["main@abc"],
      "Entire-Metadata": [".entire/metadata/x"],
      "Base-Commit": ["abc"],
    });
  });

  test("what stands in git's comments or below the scissors is no trailer", () => {
    const message = text(
      "Title",
      `# Entire-Checkpoint: ${id}`,
      "more",
      scissors,
      `Entire-Checkpoint: ${other}`,
    );
    expect(parseTrailers(message, hash).checkpoints).toEqual([]);
    expect(parseTrailers(message).checkpoints).toEqual([id, other]);
  });
});

describe("adding trailers", () => {
  const added = (message: string, comments?: typeof hash) =>
    addTrailers(message, { checkpoints: [id] }, comments);

  test("they follow a blank line, or the trailers that are there", () => {
    expect(added("Title")).toBe(text("Title", "", `Entire-Checkpoint: ${id}`, ""));
    expect(added(text("Title", "", "Body: of one paragraph", "with a second line", ""))).toBe(
      text("Title", "", "Body: of one paragraph", "with a second line", "", `Entire-Checkpoint: ${id}`, ""),
    );
    expect(added(text("Title", "", "Signed-off-by: A <a@b.c>", ""))).toBe(
      text("Title", "", "Signed-off-by: A <a@b.c>", `Entire-Checkpoint: ${id}`, ""),
    );
  });

  test("a title with a colon is no trailer block", () => {
    expect(added("fix: title")).toBe(text("fix: title", "", `Entire-Checkpoint: ${id}`, ""));
  });

  test("they stand above git's comments, the scissors and the diff below them", () => {
    const rest = text(
      "",
      "# Please enter the commit message",
      "#",
      scissors,
      "diff --git a/x b/x",
      "+Signed-off-by: x",
      "",
    );
    expect(added(`Title\n${rest}`, hash)).toBe(`Title\n\nEntire-Checkpoint: ${id}\n${rest}`);
  });

  test("another comment character, also of several, is respected", () => {
    expect(added("Title\n# heading\n; comment\n", { start: ";" })).toBe(
      text("Title", "# heading", "", `Entire-Checkpoint: ${id}`, "; comment", ""),
    );
    expect(added("Title\n// comment\n", { start: "//" })).toBe(
      text("Title", "", `Entire-Checkpoint: ${id}`, "// comment", ""),
    );
  });

  test("an empty message keeps an empty first line for the subject", () => {
    expect(added("\n# Please enter\n", hash)).toBe(
      text("", "", `Entire-Checkpoint: ${id}`, "", "# Please enter", ""),
    );
  });

  test("nothing is added twice, by one call or by the next", () => {
    const once = addTrailers("Title", { checkpoints: [id, id], sessions: [session, session] });
    expect(once).toBe(text("Title", "", `Entire-Checkpoint: ${id}`, `Agent-Session: ${session}`, ""));
    expect(addTrailers(once, { checkpoints: [id], sessions: [session] })).toBe(once);
    expect(addTrailers(once, { checkpoints: [other] })).toBe(
      text(
        "Title",
        "",
        `Entire-Checkpoint: ${id}`,
        `Agent-Session: ${session}`,
        `Entire-Checkpoint: ${other}`,
        "",
      ),
    );
  });
});

describe("removing trailers", () => {
  test("what was added is gone, and the comments stay", () => {
    const comments = text("", "# Please enter", "");
    const message = `Title\n\nBody\n${comments}`;
    expect(stripTrailers(addTrailers(message, { checkpoints: [id], sessions: [session] }, hash), hash)).toBe(
      message,
    );
    expect(stripTrailers("Title\n", hash)).toBe("Title\n");
  });

  test("other people's trailers stay", () => {
    expect(stripTrailers(text("Title", "", "Signed-off-by: A <a@b.c>", `Entire-Checkpoint: ${id}`, ""))).toBe(
      text("Title", "", "Signed-off-by: A <a@b.c>", ""),
    );
  });

  test("a message that says nothing else is told", () => {
    expect(saysNothingElse(text("", "", `Entire-Checkpoint: ${id}`, "", "# Please enter", ""), hash)).toBe(
      true,
    );
    expect(saysNothingElse(text("Title", "", `Entire-Checkpoint: ${id}`), hash)).toBe(false);
    expect(saysNothingElse("\n# Please enter\n", hash)).toBe(false);
    expect(saysNothingElse("Entire-Checkpoint: not an id\n", hash)).toBe(false);
  });
});

describe("the comments of a message", () => {
  test("the style is guessed from the last marked line", () => {
    expect(guessCommentStyle("Title\n\n# a heading\n\n; Please enter\n;\n")).toEqual({ start: ";" });
    expect(guessCommentStyle("Title\n")).toEqual({ start: "#" });
  });

  test("a message without comments has no rest", () => {
    expect(bodyOf("Title\n\nBody\n\n\n", hash)).toEqual({ lines: ["Title", "", "Body"], rest: "" });
  });
});
