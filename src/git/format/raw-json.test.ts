import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { metadataLimits, parseObject } from "./parse-json.ts";
import { sessionMetadata } from "./metadata.ts";
import { RawNumber, RawObject, plainOf, rawOf } from "./raw-json.ts";
import { objectText } from "./write-json.ts";

const lines = (...text: readonly string[]) => `${text.join("\n")}\n`;

// As the `entire` CLI writes a session's record, with what its format allows and a parser into plain objects would lose.
const record = lines(
  "{",
  '  "cli_version": "dev",',
  '  "checkpoint_id": "a3b2c4d5e6f7",',
  '  "10": "a key that looks like an index",',
  '  "2": "and one that a plain object would move before it",',
  '  "files_touched": null,',
  '  "initial_attribution": {',
  '    "agent_percentage": 33.33333333333333,',
  '    "big": 12345678901234567890,',
  '    "exponent": 1e+21,',
  '    "zero": 0.0,',
  '    "minus": -0',
  "  },",
  '  "summary": {',
  String.raw`    "intent": "\u003cprojectDir\u003e \u0026 \u2028\u2029 \" \\ / é 𝄞 \t\r\n \u0001 \ud800",`,
  '    "learnings": {},',
  '    "friction": [],',
  '    "open_items": [',
  '      "a",',
  "      true,",
  "      [",
  "        false",
  "      ]",
  "    ]",
  "  },",
  '  "twice": 1,',
  '  "twice": 2,',
  '  "__proto__": "x"',
  "}",
);

describe("raw JSON", () => {
  test("a record is written byte for byte as it was read", () => {
    expect(objectText(parseObject(record))).toBe(record);
  });

  test("what another encoder wrote is brought into the form of the format", () => {
    expect(objectText(parseObject('{"a":[1,{"b":"<&>\u2028"}],"c":{}, "d" : "\\u00e9\\/"}'))).toBe(
      lines(
        "{",
        '  "a": [',
        "    1,",
        "    {",
        String.raw`      "b": "\u003c\u0026\u003e\u2028"`,
        "    }",
        "  ],",
        '  "c": {},',
        '  "d": "é/"',
        "}",
      ),
    );
  });

  test("any value comes back as it was given, and a second rewrite changes nothing", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue()), (fields) => {
        const text = objectText(RawObject.of(fields));
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(fields)));
        expect(objectText(parseObject(text))).toBe(text);
      }),
      { numRuns: 40 },
    );
  });

  test("it takes exactly what JSON.parse takes", () => {
    const piece = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"a"',
      '"',
      "\\",
      "1",
      "-",
      "0",
      "1.",
      ".5",
      "1e5",
      "e",
      "tru",
      "true",
      "null",
      " ",
      "\n",
      "\u0001",
      "\u00a0",
      "NaN",
      "\ufeff",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = `{"k":${pieces.join("")}}`;
        expect(succeeds(() => parseObject(text))).toBe(succeeds(() => JSON.parse(text)));
      }),
      { numRuns: 3000 },
    );
  });

  test.each([
    ["nested too deep", `{"a":${"[".repeat(200)}${"]".repeat(200)}}`, metadataLimits],
    ["nested too deep, and without an end", `{"a":${"[".repeat(1_000_000)}`, metadataLimits],
    ["with too many values", `{"a":[${"0,".repeat(50)}0]}`, { ...metadataLimits, maxValues: 50 }],
    ["too large", `{"a":"${"x".repeat(100)}"}`, { ...metadataLimits, maxBytes: 100 }],
    ["that is a list", "[]", metadataLimits],
    ["of nothing", "", metadataLimits],
  ])("a text %s is refused", (_fault, text, limits) => {
    expect(() => parseObject(text, limits)).toThrow(expect.objectContaining({ code: "checkpoint_damaged" }));
    expect(() => parseObject(Buffer.from(text), limits)).toThrow(
      expect.objectContaining({ code: "checkpoint_damaged" }),
    );
  });

  test("the largest attributions that occur are kept byte for byte, and are no way around the limits", () => {
    const entry =
      '    {\n      "checkpoint_number": 7,\n      "user_lines_added": 1.0,\n      "agent_lines_added": 12\n    }';
    const list = (count: number): string =>
      `[\n${Array.from({ length: count }, () => entry).join(",\n")}\n  ]`;
    const text = `{\n  "session_id": "s",\n  "prompt_attributions": ${list(1000)},\n  "kind": "x"\n}\n`;
    const read = parseObject(text, { ...metadataLimits, maxValues: 1700 });
    expect([objectText(read), read.text("kind")]).toEqual([text, "x"]);
    expect(objectText(read.with("kind", "y"))).toBe(text.replace('"x"', '"y"'));
    expect(plainOf(read)).toEqual(JSON.parse(text));
    const again = sessionMetadata(parseObject(text), read.fields());
    expect(again.get("prompt_attributions")).toEqual(read.get("prompt_attributions"));
    expect(() => parseObject(text, { ...metadataLimits, maxValues: 1500 })).toThrow("more than 1500 values");
    for (const bad of ["[1", "[01]", '[{"a"}]', "[tru]", "[,]", "[[]", `[${"[".repeat(200)}`, '["\u0001"]'])
      expect(() => parseObject(`{"prompt_attributions":${bad}}`)).toThrow("no JSON that can be read");
    const elsewhere = parseObject('{"prompt_attributions":null,"a":{"prompt_attributions":[1]}}');
    expect(elsewhere.object("a")?.list("prompt_attributions")).toEqual([new RawNumber("1")]);
  });

  test("a run of backslashes of a megabyte is read in time", () => {
    const text = `{"a":"${String.raw`\\`.repeat(500_000)}${String.raw`\"`.repeat(100_000)}"}`;
    expect(parseObject(text).text("a")).toHaveLength(600_000);
  });

  test("bytes that are no UTF-8 are read with replacement characters", () => {
    const bytes = Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}')]);
    expect(parseObject(bytes).text("a")).toBe("\u{FFFD}");
  });

  test("a repeated key is read as its last, and replaced as one", () => {
    const object = parseObject('{"a":1,"b":2,"a":3}');
    expect(object.number("a")).toBe(3);
    expect(object.with("a", "x").entries).toEqual([
      ["b", new RawNumber("2")],
      ["a", "x"],
    ]);
  });

  test("a new key takes its place in the order, and an unknown one the end", () => {
    const order = ["a", "b", "c"];
    const object = parseObject('{"a":1,"own":2,"c":3}');
    expect(object.with("b", null, order).keys).toEqual(["a", "b", "own", "c"]);
    expect(object.without(["a"]).with("a", null, order).keys).toEqual(["a", "own", "c"]);
    expect(object.with("z", null, order).keys).toEqual(["a", "own", "c", "z"]);
  });

  test("many changes at once come to what they do one after the other", () => {
    const key = fc.constantFrom(...Array.from("abcdefgh"));
    const change = fc.tuple(key, fc.option(fc.nat(9), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(fc.tuple(key, fc.nat(9))), fc.array(change), (stored, given) => {
        const [order, values] = [Array.from("bdfa"), new Map(given)];
        const object = new RawObject(stored.map(([name, value]) => [name, rawOf(value)]));
        const changes = [...values].toSorted(([a], [b]) => rankIn(order, a) - rankIn(order, b));
        let expected = object;
        for (const [name, value] of changes)
          expected =
            value === undefined ? expected.without([name]) : expected.with(name, rawOf(value), order);
        const raw = changes.map(
          ([name, value]) => [name, value === undefined ? value : rawOf(value)] as const,
        );
        expect(object.withAll(new Map(raw), order).entries).toEqual(expected.entries);
      }),
    );
  });

  test("values of another type than asked for are not there", () => {
    const object = parseObject('{"n":"1","l":null,"o":[],"t":1}');
    expect([object.number("n"), object.list("l"), object.object("o"), object.text("t")]).toEqual([
      undefined,
      [],
      undefined,
      undefined,
    ]);
    expect(parseObject('{"l":["a",1,null,"b"]}').texts("l")).toEqual(["a", "b"]);
  });

  test("what JSON cannot hold is refused, and what is not there is left out", () => {
    expect(() => rawOf(Number.NaN)).toThrow("NaN");
    expect(() => rawOf({ a: [() => 1] })).toThrow("function");
    expect(RawObject.of({ a: undefined, b: 10n }).entries).toEqual([["b", new RawNumber("10")]]);
  });

  test("a plain copy has own keys only", () => {
    const plain = plainOf(parseObject('{"__proto__":{"polluted":true},"a":[1.5,null]}'));
    expect(JSON.stringify(plain)).toBe('{"__proto__":{"polluted":true},"a":[1.5,null]}');
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

function rankIn(order: readonly string[], key: string): number {
  const rank = order.indexOf(key);
  return rank === -1 ? order.length : rank;
}

function succeeds(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}
