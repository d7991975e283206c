import { describe, expect, it } from "vitest";
import { parseScript } from "./script.ts";

describe("the scripted agent's prompt", () => {
  it("is read verb by verb, parted by semicolons and line feeds", () => {
    const prompt = "say one; tool deploy unsafe 20\n slow 5 ;; usage 10 2\nfail no  more;crash";
    expect(parseScript(prompt)).toEqual([
      { verb: "say", text: "one" },
      { verb: "tool", name: "deploy", effect: "unsafe", ms: 20 },
      { verb: "slow", ms: 5 },
      { verb: "usage", input: 10, output: 2 },
      { verb: "fail", message: "no  more" },
      { verb: "crash" },
    ]);
  });

  it("lets a tool take no time when none is given", () => {
    expect(parseScript("tool look query")).toEqual([{ verb: "tool", name: "look", effect: "query", ms: 0 }]);
  });

  it("is said again where it is prose, also when that begins with the word crash", () => {
    expect(parseScript("crash the party")).toEqual([{ verb: "say", text: "crash the party" }]);
    expect(parseScript("constructor")).toEqual([{ verb: "say", text: "constructor" }]);
  });

  it.each([
    "tool",
    "tool x",
    "tool x careful",
    "tool x unsafe soon",
    "tool x unsafe 1 2",
    "tool x unsafe 2147483648",
    "slow",
    "slow -1",
    "slow 1.5",
    "slow 1 2",
    "usage 1",
    "usage 1 x",
    "usage 1 2 3",
    "usage 9007199254740992 1",
  ])("fails and tells how the verb goes when it is used wrongly: %s", (line) => {
    const [verb] = parseScript(line);
    expect(verb).toMatchObject({ verb: "fail", message: expect.stringContaining(line.split(" ")[0]!) });
  });

  it("asks for nothing when it is empty", () => {
    expect(parseScript(" ;\n ; ")).toEqual([]);
  });
});
