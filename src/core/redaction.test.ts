import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactJson, redactText } from "./redaction.ts";

// Put together at run time, so that no scanner takes this file for a leak.
const secrets: Readonly<Record<string, string>> = {
  anthropic: `sk-${"ant-api03-"}${"aB3_".repeat(20)}`,
  openai: `sk-${"proj-"}${"aB3-".repeat(10)}`,
  "old openai": `sk-${"aB3d".repeat(12)}`,
  github: `ghp_${"aB3d".repeat(9)}`,
  "github fine-grained": `github_pat_${"aB3_".repeat(15)}`,
  gitlab: `glpat-${"aB3-".repeat(5)}`,
  aws: `AKIA${"ABCD2345".repeat(2)}`,
  google: `AIza${"aB3-d".repeat(7)}`,
  slack: `xoxb-${"123456789012"}-abcdef`,
  stripe: `sk_live_${"aB3d".repeat(6)}`,
  npm: `npm_${"aB3d".repeat(9)}`,
  jwt: `eyJ${"hbGciOiJI"}.eyJ${"zdWIiOiIx"}.${"aB3_"}`,
  pem: `-----BEGIN RSA ${"PRIVATE KEY"}-----\nMIIE\nabcd\n-----END RSA ${"PRIVATE KEY"}-----`,
  "cut pem": `-----BEGIN ${"PRIVATE KEY"}-----\nMIIE\nabcd`,
};

describe("redactText", () => {
  it.each(Object.entries(secrets))(
    "replaces a key of the kind %s and keeps the text around it",
    (_, secret) => {
      const after = secret.endsWith("-----") || !secret.includes("\n") ? " after" : "";
      expect(redactText(`before ${secret}${after}`)).toBe(`before [redacted]${after}`);
    },
  );

  it.each(Object.entries(secrets).filter(([, secret]) => !secret.includes("\n")))(
    "replaces a key of the kind %s that a terminal shows in a colour",
    (_, secret) => {
      for (const colour of ["\u001b[31m", "\u009b1;31m", "\u241b[38:5:9m"])
        expect(redactText(`${colour}${secret}\u001b[0m`)).toContain(`${colour}[redacted]`);
    },
  );

  it.each([
    ["Authorization: Bearer abc123def456", "Authorization: Bearer [redacted]"],
    ["curl -H 'bearer abcdefghijklmnopqrst'", "curl -H 'bearer [redacted]'"],
    ["curl -H 'bearer abcd1234'", "curl -H 'bearer [redacted]'"],
    ["postgres://me:hunter2@db/x", "postgres://[redacted]@db/x"],
    ["https://abcdefghij0123456789@host/x", "https://[redacted]@host/x"],
    [
      "https://hooks.slack.com/services/T0000/B0000/abcdefghij",
      "https://hooks.slack.com/services/[redacted]",
    ],
    ["DB_PASSWORD=hunter2 next", "DB_PASSWORD=[redacted] next"],
    ['password: "with some spaces"', 'password: "[redacted]"'],
    ['{\\"api_key\\": \\"abcdef\\"}', '{\\"api_key\\": \\"[redacted]\\"}'],
    ["aws_secret_access_key = abc/def+ghi", "aws_secret_access_key = [redacted]"],
    ["Token := abcd", "Token := [redacted]"],
    ["x-api-key: abcdef", "x-api-key: [redacted]"],
  ])("redacts %j", (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });

  it.each([
    "token: string;",
    "const token = getToken();",
    "password = process.env.PASSWORD",
    "max_tokens: 4096",
    "the bearer of this letter",
    "https://git@github.com/x/y",
    "https://host:8080/a@b",
    "sk-short and task-management-of-long-names",
    "0c8f2b4e-6a55-4a6f-9d0c-2f4f4c1d7a11",
  ])("leaves %j as it is", (text) => {
    expect(redactText(text)).toBe(text);
  });

  it("is finished with what it has redacted", () => {
    for (const secret of Object.values(secrets)) {
      const once = redactText(`password="${secret}" token=${secret}`);
      expect(redactText(once)).toBe(once);
    }
  });

  it("takes time in proportion to a long hostile line", () => {
    for (const piece of ["a.a-", "://", "password", "-----BEGIN PRIVATE KEY----- ", "eyJ", "Bearer "]) {
      const startedAtMs = performance.now();
      redactText(piece.repeat(50_000));
      expect(performance.now() - startedAtMs).toBeLessThan(2000);
    }
  });
});

describe("redactJson", () => {
  it("redacts strings and leaves numbers, key order and white space as they are", () => {
    const json = `{"b": 9007199254740993, "a":["${secrets["github"]}"], "c":{"text":"x\\n${secrets["npm"]}"} }`;
    expect(redactJson(json)).toBe(
      '{"b": 9007199254740993, "a":["[redacted]"], "c":{"text":"x\\n[redacted]"} }',
    );
  });

  it("redacts whatever stands under a secret's name", () => {
    expect(redactJson('{"password":"x","apiKey" : "y","token":"","input_tokens":5}')).toBe(
      '{"password":"[redacted]","apiKey" : "[redacted]","token":"","input_tokens":5}',
    );
  });

  it("never alters a signature, and takes only a string that follows at once for one", () => {
    const key = secrets["github"]!;
    expect(redactJson(`{"signature":"${key}","thinkingSignature": "${key}"}`)).toBe(
      `{"signature":"${key}","thinkingSignature": "${key}"}`,
    );
    expect(redactJson(`{"signature":["${key}"]}`)).toBe('{"signature":["[redacted]"]}');
  });

  it("finds the end of a string behind escaped quotes and backslashes", () => {
    expect(redactJson('{"a\\\\":"b\\"","password":"c\\\\"}')).toBe(
      '{"a\\\\":"b\\"","password":"[redacted]"}',
    );
  });

  it("redacts text that is no JSON as far as it can", () => {
    expect(redactJson(`{"a":"\\x ${secrets["npm"]}"}`)).toBe('{"a":"\\\\x [redacted]"}');
    expect(redactJson(`{"a":"${secrets["npm"]}`)).not.toContain(secrets["npm"]);
  });

  it("gives valid JSON for any value, and is finished in one pass", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        expect(JSON.parse(redactJson(json))).toBeDefined();
        expect(redactJson(redactJson(json))).toBe(redactJson(json));
      }),
    );
  });
});
