import { describe, expect, it } from "vitest";
import { cpuMs } from "../../test/cpu-time.ts";
import { ownRules } from "./own-rules.ts";
import { redactText } from "./redaction.ts";

describe("ownRules", () => {
  it("redacts what a user's own rule names", () => {
    const own = ownRules([
      "ACME-\\d{4}-[A-Z]+",
      "(?:intern|secret)-[a-z]{2,}?x",
      "a{3,}b?",
      "(?:c{1}){2}\\|[)|(]",
    ]);
    expect(redactText("id ACME-1234-XY and intern-abx", { own })).toBe("id REDACTED and REDACTED");
    expect(redactText("aaaab cc|| ccc", { own })).toBe("REDACTED REDACTED ccc");
    expect(own?.sources).toHaveLength(4);
    expect(redactText("ACME and acme", { own: ownRules(["(?i)acme"]) })).toBe("REDACTED and REDACTED");
    expect(ownRules([])).toBeUndefined();
  });

  it("takes what stands behind an escaped backslash or bracket for itself", () => {
    const own = ownRules([
      "CORP\\\\Admin-\\w+",
      "C:\\\\Program Files\\\\Acme-\\d+",
      "\\\\\\\\host\\\\1[\\\\Q]",
      "f\\(?x[(?=]",
      "\\[[:a]",
    ])!;
    const texts = ["CORP\\Admin-jane", "C:\\Program Files\\Acme-7", "\\\\host\\1Q", "f(x=", "fx?", "[:"];
    for (const text of texts) expect(own.redact(text, "-"), text).toBe("-");
  });

  it("takes no pattern of a replacement for one of its own", () => {
    expect(ownRules(["x"])?.redact("x", "$&$&")).toBe("$&$&");
  });

  it.each([
    "(a+)+",
    "(a|aa)*b",
    "((ab)?c{1,3})*",
    "(?:a*){3}",
    "(a?){2}",
    "a{1,1000}b{1,1000}c{1,1000}",
    "(?:a|a)".repeat(13),
    "a?".repeat(13),
    "(a)\\1",
    "(?=a)b",
    "(?<!a)b",
    "(?<x>a)",
    "(",
    "a)",
    "a*",
    "a(?i)b",
    "\\Aa",
    "\\\\\\Aa",
    "[\\Q]",
    "[[:alpha:]]",
    "",
    "x".repeat(1001),
  ])("refuses %j, which is no rule or could hold up the program", (source) => {
    expect(() => ownRules([source])).toThrow(expect.objectContaining({ code: "redaction_invalid" }));
  });

  it("refuses more rules than anyone needs, and what is no text", () => {
    expect(() => ownRules(Array.from({ length: 101 }, () => "a"))).toThrow("at most 100");
    expect(() => ownRules([7 as unknown as string])).toThrow("regular expression");
  });

  it("is done with a hostile text soon", async () => {
    const own = ownRules(["a+a+b", "(?:ab?a)a+e"])!;
    expect(await cpuMs(() => own.redact("a".repeat(20_000), "-"))).toBeLessThan(5000);
  });
});
