import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBlame } from "./blame.ts";
import { isSameFile, type Match, matchOf } from "./line-match.ts";
import { stepsOf } from "./steps.ts";
import { writtenTexts } from "./written-text.ts";
import { parseLine } from "./why.ts";

function best(name: string, input: unknown, path: string, text: string): Match | undefined {
  return writtenTexts(name, input).flatMap((written) => matchOf(written, { path, text }) ?? [])[0];
}

const line = "const answer = compute(42);";

describe("a tool call", () => {
  it.each([
    ["Write", { file_path: "/w/src/a.ts", content: `x\n${line}\ny` }, "exact"],
    ["Edit", { file_path: "/w/src/a.ts", old_string: "x", new_string: `${line}\r\nz` }, "exact"],
    ["Edit", { file_path: "/w/src/a.ts", old_string: line, new_string: `${line}\nmore` }, "moved"],
    [
      "MultiEdit",
      {
        file_path: "/w/src/a.ts",
        edits: [null, { old_string: "a", new_string: "b" }, { old_string: "x", new_string: line }],
      },
      "exact",
    ],
    ["StrReplace", { path: "src/a.ts", old_str: "x", new_str: line }, "exact"],
    [
      "apply_patch",
      { input: `*** Begin Patch\n*** Update File: src/a.ts\n@@\n-x\n+${line}\n*** End Patch` },
      "exact",
    ],
    [
      "shell",
      { command: ["apply_patch", `*** Begin Patch\n*** Add File: src/a.ts\n+${line}\n*** End Patch`] },
      "exact",
    ],
    ["Bash", { command: `cat > src/a.ts <<'EOF'\n${line}\nEOF` }, "command"],
    ["Write", { file_path: "/w/src/a.ts", content: `  ${line}` }, "alike"],
    ["Write", { file_path: "/w/other/a.ts", content: line }, "alike"],
    ["Write", { file_path: "/w/src/b.ts", content: line }, undefined],
    ["Write", { file_path: "/w/src/a.ts", content: "else" }, undefined],
    ["Bash", { command: `echo '${line}'` }, undefined],
    ["Read", { file_path: "/w/src/a.ts" }, undefined],
  ] as const)("%s with %j explains the line as: %s", (name, input, match) => {
    expect(best(name, input, "src/a.ts", line)).toBe(match);
  });

  it("explains a line with a secret, which is stored redacted, and is unsure of lines that every file has", () => {
    const secret = "token = 'sk-ant-REDACTED'";
    const input = { file_path: "/w/a.ts", content: "token = 'REDACTED'\n}\n" };
    expect(best("Write", input, "a.ts", secret)).toBe("exact");
    expect(best("Write", input, "a.ts", "}")).toBe("common");
    expect(best("Write", { file_path: "/w/x/a.ts", content: "}" }, "a.ts", "}")).toBe("common");
    expect(best("Write", { file_path: "/w/x/a.ts", content: "}" }, "y/a.ts", "}")).toBeUndefined();
  });

  it("of any form is read without a fault", () => {
    fc.assert(
      fc.property(fc.string(), fc.jsonValue(), fc.string(), (name, input, text) => {
        for (const written of writtenTexts(name, input)) matchOf(written, { path: "a.ts", text });
        stepsOf(
          JSON.stringify({ type: "assistant", message: { content: [{ type: "tool_use", name, input }] } }),
        );
        stepsOf(JSON.stringify(input));
        stepsOf(text);
      }),
    );
  });
});

describe("a path", () => {
  it("is the file's where it ends in it, part by part", () => {
    expect(
      ["src/a.ts", "./src/a.ts", "/home/x/src/a.ts", "C:\\x\\src\\a.ts"].map((path) =>
        isSameFile(path, "src/a.ts"),
      ),
    ).toEqual([true, true, true, true]);
    expect(["xsrc/a.ts", "a.ts", "/src/a.tsx", ""].map((path) => isSameFile(path, "src/a.ts"))).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  it("with a line may hold colons, and without one is refused", () => {
    expect(parseLine("a:b:12")).toEqual({ file: "a:b", line: 12 });
    for (const text of ["", "a", "a:", ":3", "a:0", "a:-1", "a:1x", "a:99999999999"])
      expect(() => parseLine(text), text).toThrow("names no line");
  });
});

describe("what git blame says", () => {
  it("is read with its quoted names, and refused where it is no answer", () => {
    const id = "0123456789".repeat(4);
    const said = `${id} 7 9 1\nauthor filename evil\nsummary boundary\nboundary\nfilename "tab\\there \\303\\274\\".c"\n\tint x;\r\n`;
    expect(parseBlame(said)).toEqual({
      commit: id,
      path: 'tab\there ü".c',
      line: 7,
      text: "int x;",
      isBoundary: true,
    });
    expect(parseBlame(`${"0".repeat(40)} 1 1 1\nfilename a\n\t\n`)).toMatchObject({ commit: null, text: "" });
    expect(() => parseBlame("fatal")).toThrow("no answer");
  });
});
