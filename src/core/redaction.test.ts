import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cpuMs } from "../../test/cpu-time.ts";
import { redactJson, redactText } from "./redaction.ts";
import { secretAt } from "./secret-patterns.ts";

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
  age: `AGE-SECRET-${"KEY-1"}${"QPZRY9X8".repeat(7)}`,
  npm: `npm_${"aB3d".repeat(9)}`,
  supabase: `sb_secret_${"aB3d".repeat(7)}`,
  "supabase access": `sbp_${"a1b2".repeat(10)}`,
  jwt: `eyJ${"hbGciOiJI"}.eyJ${"zdWIiOiIx"}.${"aB3_"}`,
  pem: `-----BEGIN RSA ${"PRIVATE KEY"}-----\nMIIE\nabcd\n-----END RSA ${"PRIVATE KEY"}-----`,
  "cut pem": `-----BEGIN ${"PRIVATE KEY"}-----\nMIIE\nabcd`,
};

describe("redactText", () => {
  it.each(Object.entries(secrets))(
    "replaces a key of the kind %s and keeps the text around it",
    (_, secret) => {
      const after = secret.endsWith("-----") || !secret.includes("\n") ? " after" : "";
      expect(redactText(`before ${secret}${after}`)).toBe(`before REDACTED${after}`);
    },
  );

  it.each(Object.entries(secrets).filter(([, secret]) => !secret.includes("\n")))(
    "replaces a key of the kind %s that a terminal shows in a colour",
    (_, secret) => {
      for (const colour of ["\u001b[31m", "\u009b1;31m", "\u241b[38:5:9m"])
        expect(redactText(`${colour}${secret}\u001b[0m`)).toContain(`${colour}REDACTED`);
    },
  );

  it.each(Object.entries(secrets).filter(([, secret]) => !secret.includes("\n")))(
    "replaces a key of the kind %s on a line of its own in JSON, however deep that is inside other JSON",
    (_, secret) => {
      let [text, expected] = [secret, "REDACTED"].map((value) => `first\r\n${value}\n\t${value}\nlast`);
      for (let level = 0; level < 4; level += 1) {
        [text, expected] = [JSON.stringify({ text }), JSON.stringify({ text: expected })];
        expect(redactJson(text!)).toBe(expected);
        expect(redactText(text!)).toBe(expected);
      }
    },
  );

  it.each([
    ["Authorization: Bearer abc123def456", "Authorization: Bearer REDACTED"],
    ["curl -H 'bearer abcdefghijklmnopqrst'", "curl -H 'bearer REDACTED'"],
    ["curl -H 'bearer abcd1234'", "curl -H 'bearer REDACTED'"],
    ["postgres://me:hunter2@db/x", "postgres://REDACTED@db/x"],
    ["https://abcdefghij0123456789@host/x", "https://REDACTED@host/x"],
    ["https://hooks.slack.com/services/T0000/B0000/abcdefghij", "https://hooks.slack.com/services/REDACTED"],
    ["DB_PASSWORD=hunter2 next", "DB_PASSWORD=REDACTED next"],
    ['password: "with some spaces"', 'password: "REDACTED"'],
    ['{\\"api_key\\": \\"abcdef\\"}', '{\\"api_key\\": \\"REDACTED\\"}'],
    ["aws_secret_access_key = abc/def+ghi", "aws_secret_access_key = REDACTED"],
    ["Token := abcd", "Token := REDACTED"],
    ["x-api-key: abcdef", "x-api-key: REDACTED"],
    ["mongodb+srv://me:p@ss/w@rd@host/db", "mongodb+srv://REDACTED@host/db"],
    ["redis://:hunter2@host", "redis://REDACTED@host"],
    ["a\\npostgres://me:p@ss/w@rd@host/db", "a\\npostgres://REDACTED@host/db"],
    ["Server=db;User Id=me;Pwd=hunter2;", "Server=db;User Id=me;Pwd=REDACTED;"],
    ["AccountName=a;AccountKey=abc/def==;", "AccountName=a;AccountKey=REDACTED;"],
    ["ENCRYPTION_KEY=abcdefgh next", "ENCRYPTION_KEY=REDACTED next"],
    ["export SENTRY_DSN='abcdefgh'", "export SENTRY_DSN='REDACTED'"],
    [
      "cmd --password hunter2secret --api-token abcdefgh12345",
      "cmd --password REDACTED --api-token REDACTED",
    ],
    ["cmd --password 'correct horse' -v", "cmd --password 'REDACTED' -v"],
    ["CREATE USER a IDENTIFIED BY 'correct horse';", "CREATE USER a IDENTIFIED BY 'REDACTED';"],
    ["alter user a with password 'correct horse'", "alter user a with password 'REDACTED'"],
    ["ALTER USER a\nIDENTIFIED BY PASSWORD 'abcdef'", "ALTER USER a\nIDENTIFIED BY PASSWORD 'REDACTED'"],
    [
      "create user 'a'@'%' identified with caching_sha2_password by \\\"abcdef\\\"",
      "create user 'a'@'%' identified with caching_sha2_password by \\\"REDACTED\\\"",
    ],
    ["GRANT ALL ON *.* TO a IDENTIFIED BY 'abcdef'", "GRANT ALL ON *.* TO a IDENTIFIED BY 'REDACTED'"],
    ["ALTER ROLE x PASSWORD 'abcdef'", "ALTER ROLE x PASSWORD 'REDACTED'"],
    ["CREATE ROLE x CREATEDB PASSWORD 'abcdef'", "CREATE ROLE x CREATEDB PASSWORD 'REDACTED'"],
    ["with login password 'abcdef'", "with login password 'REDACTED'"],
    ["identified by password 'abcdef'", "identified by password 'REDACTED'"],
    ["TO a@b IDENTIFIED BY 'abcdef'", "TO a@b IDENTIFIED BY 'REDACTED'"],
    ["ENCRYPTED PASSWORD 'abcdef'", "ENCRYPTED PASSWORD 'REDACTED'"],
    ["logged in with password 'hunter2'", "logged in with password 'REDACTED'"],
    ["cmd --secret /wJalrXUtnFEMI/K7MDENG", "cmd --secret REDACTED"],
    ["cmd --password '$ecret-1'", "cmd --password 'REDACTED'"],
    ["https:\\/\\/me:hunter2@host", "https:\\/\\/REDACTED@host"],
    [`password="it's-a-secret-1" next`, 'password="REDACTED" next'],
    [`password='ab"cdefghi' next`, "password='REDACTED' next"],
    ['{"password":"hunter2\\\\secretpart"}', '{"password":"REDACTED"}'],
    ['{"password":"p\\"rest-of-it","b":1}', '{"password":"REDACTED","b":1}'],
    ['{"password":"ends-in-one\\\\","b":"c"}', '{"password":"REDACTED","b":"c"}'],
    ['{\\"password\\":\\"p\\\\\\"rest\\",\\"b\\":1}', '{\\"password\\":\\"REDACTED\\",\\"b\\":1}'],
    ['{"c":"password=\\"cut off","b":"c"}', '{"c":"password=\\"REDACTED","b":"c"}'],
    [`password="it's-cut next`, 'password="REDACTED next'],
    ['password="two\\nlines\n" b', 'password="REDACTED\n" b'],
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
    "password=${DB_PASSWORD}",
    'password: "${DB_PASSWORD}"',
    "token = <your token>",
    'token = "<your-token>"',
    "password: changeme",
    'password: "***"',
    `write('password="' + value + '"')`,
    "use --password instead of the token 12345678",
    'cmd --token "$TOKEN" --password "$DB_PASSWORD" --api-key \\"${API_KEY1}\\"',
    "cmd --password '$(cat x1)'",
    "cmd --private-key ~/.ssh/id_ed25519 --secret-key '/home/me/key1.pem'",
    'commands identified by "code" are',
    "CREATE USER a; things identified by 'name' or 'id'",
    "The request with password 'wrong' fails",
    "password=''; next='abcdef'",
    "CACHE_KEY=$(hash)",
    "PWD=/home/me",
    "------------------ a line of dashes",
    "sk-short and task-management-of-long-names",
    "0c8f2b4e-6a55-4a6f-9d0c-2f4f4c1d7a11",
  ])("leaves %j as it is", (text) => {
    expect(redactText(text)).toBe(text);
  });

  it.each(["RSA PRIVATE KEY", "PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])(
    "replaces the whole %s of an account's file inside JSON inside a text",
    (kind) => {
      const key = `-----BEGIN ${kind}-----\nMIIE/abc+def==\nabcd\n-----END ${kind}-----`;
      let [text, expected] = [key, "REDACTED"].map((value) =>
        JSON.stringify({ private_key_id: "1", private_key: value, text: value }, null, 2),
      ) as [string, string];
      for (let level = 0; level < 4; level += 1) {
        expect(redactText(text)).toBe(expected);
        [text, expected] = [JSON.stringify({ text, n: 1 }), JSON.stringify({ text: expected, n: 1 })];
      }
      for (const name of ["secret=", "SIGNING_KEY="])
        expect(redactText(`${name}${key} b`)).toBe(`${name}REDACTED b`);
    },
  );

  it("replaces the whole of any quoted value, however deep it is inside other JSON", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("'", '"', "\\", "a", "é", " ", "\t", "\n"), { minLength: 0, maxLength: 12 }),
        fc.nat(3),
        (parts, depth) => {
          const nested = (value: string): string => {
            let text = JSON.stringify({ password: value, b: "c" });
            for (let level = 0; level < depth; level += 1) text = JSON.stringify({ text });
            return text;
          };
          expect(redactText(nested(`abc${parts.join("")}`))).toBe(nested("REDACTED"));
        },
      ),
    );
  });

  it("is finished with what it has redacted", () => {
    const cut = `password="it's cut ${"it's ".repeat(1000)}`;
    expect(redactText(redactText(cut))).toBe(redactText(cut));
    for (const secret of Object.values(secrets)) {
      const once = redactText(`password="${secret}" token=${secret}`);
      expect(redactText(once)).toBe(once);
    }
  });

  it("passes over no place where a secret begins", () => {
    const pieces = [
      ...Object.values(secrets),
      ..."password=|Secret:|TOKEN = |api-key: |x_KEY=|;Pwd=|; \tpwd=|Bearer |://|@|hooks.slack.com/services/|---".split(
        "|",
      ),
      ..."abcdefgh|A1b2C3d4|é→|\u001b[31m| |\n|\"|'|me:pw@h|REDACTED|postgres".split("|"),
    ];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 12 }), (parts) => {
        const text = parts.join("");
        let expected = "";
        for (let at = 0; at < text.length;) {
          const secret = secretAt(text, at);
          expected += secret === undefined ? text[at] : `${secret.lead}REDACTED`;
          at = secret?.end ?? at + 1;
        }
        expect(redactText(text)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it("takes time in proportion to a long hostile line", { timeout: 120_000 }, async () => {
    for (const piece of [
      "a.a-",
      "://",
      "password",
      "-----BEGIN PRIVATE KEY----- ",
      "eyJ",
      "-eyJ",
      "Bearer ",
      "mysql://",
      "_KEY=",
      "pass='a1",
      "12345678:AA",
      'password="',
      "password='a \" ",
      'password="\\\\\\',
      'password=\\"\\\\\\" password="\\',
      `${"\\".repeat(40)}password="`,
      "\\nsk-\\u001b[1;1;1;1mapi",
      "\\u0026123456789:AA",
      "create user password 'a",
      "identified by password '",
      "pass=a/b.c::",
    ]) {
      const text = piece.repeat(100_000);
      expect(await cpuMs(() => redactText(text)), piece).toBeLessThan(8_000);
    }
  });
});

describe("redactJson", () => {
  it("redacts strings and leaves numbers, key order and white space as they are", () => {
    const json = `{"b": 9007199254740993, "a":["${secrets["github"]}"], "c":{"text":"x\\n${secrets["npm"]}"} }`;
    expect(redactJson(json)).toBe('{"b": 9007199254740993, "a":["REDACTED"], "c":{"text":"x\\nREDACTED"} }');
  });

  it("redacts whatever stands under a secret's name", () => {
    expect(redactJson('{"password":"x","apiKey" : "y","token":"","input_tokens":5}')).toBe(
      '{"password":"REDACTED","apiKey" : "REDACTED","token":"","input_tokens":5}',
    );
  });

  it("never alters a signature, and takes only a string that follows at once for one", () => {
    const key = secrets["github"]!;
    expect(redactJson(`{"signature":"${key}","thinkingSignature": "${key}"}`)).toBe(
      `{"signature":"${key}","thinkingSignature": "${key}"}`,
    );
    expect(redactJson(`{"signature":["${key}"]}`)).toBe('{"signature":["REDACTED"]}');
  });

  it("looks into no string that is kept, unless a secret's name is before it", () => {
    const key = secrets["npm"];
    const isKept = (literal: string): boolean => literal === `"${key}"`;
    expect(redactJson(`{"a":"${key}","b":"${key} ","token":"${key}"}`, { isKept })).toBe(
      `{"a":"${key}","b":"REDACTED ","token":"REDACTED"}`,
    );
  });

  it("finds the end of a string behind escaped quotes and backslashes", () => {
    expect(redactJson('{"a\\\\":"b\\"","password":"c\\\\"}')).toBe('{"a\\\\":"b\\"","password":"REDACTED"}');
  });

  it("redacts text that is no JSON as far as it can", () => {
    expect(redactJson(`{"a":"\\x ${secrets["npm"]}"}`)).toBe('{"a":"\\\\x REDACTED"}');
    expect(redactJson(`{"a":"${secrets["npm"]}`)).not.toContain(secrets["npm"]);
  });

  it("takes time in proportion to a line of very many strings", async () => {
    const json = JSON.stringify(Array.from({ length: 200_000 }, (_, n) => `text ${n}`));
    let redacted = "";
    expect(await cpuMs(() => (redacted = redactJson(json, { entropy: true })))).toBeLessThan(15_000);
    expect(redacted).toBe(json);
  });

  it("redacts names, and what stands outside of strings where the text is no JSON", () => {
    const key = secrets["github"]!;
    expect(redactJson(`{"${key}":1}`)).toBe('{"REDACTED":1}');
    expect(redactJson(`not JSON: ${key}`)).toBe("not JSON: REDACTED");
    expect(redactJson(`{"a":1} ${key} "b" password=hunter2`)).toBe('{"a":1} REDACTED "b" password=REDACTED');
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

// Random to look at and no known format; put together, so that no scanner takes it for one.
const random = `qW3eR5tY${"7uI9oP1aS2dF4gH6jK8lZ"}xCvBnM`;

describe("redaction of what looks random", () => {
  it("is only done where it is asked for", () => {
    expect(redactText(`a ${random} b`)).toBe(`a ${random} b`);
    expect(redactText(`a ${random} b`, { entropy: true })).toBe("a REDACTED b");
    expect(redactJson(`{"a":["\\n${random}\\n"]}`, { entropy: true })).toBe('{"a":["\\nREDACTED\\n"]}');
  });

  it.each([
    `toolu_01${random.slice(0, 22)}`,
    "0c8f2b4e-6a55-4a6f-9d0c-2f4f4c1d7a11",
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    `"integrity": "sha512-${random}/${random}=="`,
    `data:image/png;base64,${random}/${random}`,
    "redactsWhateverStandsUnderTheNameOfASecret",
    "A_CONSTANT_WITH_A_RATHER_LONG_NAME_FOR_ONCE",
    "short1Aa",
  ])("leaves %s, which is public or has a pattern", (text) => {
    expect(redactText(text, { entropy: true })).toBe(text);
  });

  it("keeps what a text of source or JSON escapes before it, and so the text whole", () => {
    const told = (text: string): string => redactJson(JSON.stringify({ text }), { entropy: true });
    for (const escape of ["\\n", "\\t", "\\u001b", "\\x1b", "\\\\n"]) {
      expect(told(`a${escape}${random}${escape} b`)).toBe(
        JSON.stringify({ text: `a${escape}REDACTED${escape} b` }),
      );
      const id = `${escape}toolu_01${random.slice(0, 22)}`;
      expect(told(id)).toBe(JSON.stringify({ text: id }));
    }
    const inner = JSON.stringify({ log: `first\ntoolu_01${random.slice(0, 22)}\n${random}` });
    const { text } = JSON.parse(told(inner)) as { text: string };
    expect(JSON.parse(text)).toEqual({ log: `first\ntoolu_01${random.slice(0, 22)}\nREDACTED` });
  });

  it("leaves paths, ids, signatures and pictures in JSON", () => {
    const json = JSON.stringify({
      file_path: `/${random}`,
      requestId: random,
      signature: random,
      data: `iVBORw0KGgo${random}`,
    });
    expect(redactJson(json, { entropy: true })).toBe(json);
  });

  it("leaves no name of a file to hide what is in the file", () => {
    const redacted = (key: string, value: string): string =>
      redactJson(JSON.stringify({ [key]: value }), { entropy: true });
    const held = ["originalFile", "file", "files", "data_uri", "root", "folder", "content", "invalid"];
    for (const key of held) expect(redacted(key, random)).toBe(`{"${key}":"REDACTED"}`);
    for (const key of ["path", "cwd", "id", "commit"]) {
      expect(redacted(key, `const key =\n"${random}"`)).not.toContain(random);
      expect(redacted(key, `${"/a".repeat(2100)}/${random}`)).not.toContain(random);
    }
    const names =
      "filePath notebook_path paths cwd originalCwd filename backupFileName directory uuid parentUuid session_id toolUseId ids userID headUuids content_hash managedCommit sha treeSha";
    for (const key of names.split(" ")) expect(redacted(key, random)).toContain(random);
  });

  it("finds a random word wherever it stands, and the shortest that there is", () => {
    const shortest = `aB3dE5fG7hJ9${"kL1mN2pQ4rS"}`;
    for (let before = 0; before < 60; before += 1)
      expect(redactText(`${".".repeat(before)}${shortest}.`, { entropy: true })).toContain("REDACTED.");
    expect(redactText(shortest.slice(1), { entropy: true })).toBe(shortest.slice(1));
    for (let before = 0; before < 60; before += 1)
      for (const pad of [".", "ab.", " "]) {
        const text = `${pad.repeat(before)} ${random} ${pad.repeat(60 - before)}`;
        expect(redactText(text, { entropy: true })).toBe(text.replace(random, "REDACTED"));
      }
  });

  it("finds secrets whose letters are written as escapes", () => {
    const escaped = Array.from(secrets["github"]!).map(
      (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
    expect(redactJson(`{"a":"${escaped.join("")}"}`)).toBe('{"a":"REDACTED"}');
    expect(redactJson('{"a":"https:\\/\\/me:hunter2@host"}')).toBe('{"a":"https://REDACTED@host"}');
  });

  it("knows keys of any number and length", () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`key${n}`, "x"]));
    const json = JSON.stringify({ ...many, [`${"k".repeat(100)}token`]: "abc" });
    expect(redactJson(json)).toBe(json.replace('"abc"', '"REDACTED"'));
  });

  it("changes JSON no further in a second pass", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const once = redactJson(JSON.stringify({ value, random }), { entropy: true });
        expect(JSON.parse(once)).toBeDefined();
        expect(redactJson(once, { entropy: true })).toBe(once);
      }),
    );
  });
});
