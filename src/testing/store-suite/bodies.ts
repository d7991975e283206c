import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, bodiesOf, gather, logKey, sessionKey, textOf } from "./samples.ts";

/** Bodies are text, byte for byte, of any size. */
export function bodiesTests({ describe, test }: StoreTests): void {
  describe("bodies", () => {
    for (const [what, body] of Object.entries(oddBodies)) {
      test(`A body with ${what} comes back as it was given.`, async (store) => {
        await appendTo(store, "s-1", [{ body, uuid: "u-1" }]);
        assert.deepEqual(await bodiesOf(store, logKey()), [body]);
        assert.equal(textOf(await gather(store.scan({ log: logKey() }))), `${body}\n`);
        assert.equal((await store.session(sessionKey()))?.length, body.length);
      });
    }

    test("One entry of 16 MB goes in and out in one call.", async (store) => {
      const body = `{"t":"${"0123456789abcdé😀".repeat(1 << 20)}"}`;
      assert.ok(Buffer.byteLength(body) > 16 * 1024 * 1024);
      const result = await appendTo(store, "s-1", [{ body: '{"n":0}' }, { body }, { body: '{"n":2}' }]);
      assert.equal(result.appended, 3);
      const found = await bodiesOf(store, logKey());
      assert.ok(found[1] === body && found.length === 3);
      assert.ok(textOf(await gather(store.scan({ log: logKey(), after: 1 }))) === `${body}\n{"n":2}\n`);
    });

    test("A batch of 100,000 entries goes in and out in one call.", async (store) => {
      const entries = Array.from({ length: 100_000 }, (_, n) => ({ body: `{"n":${n}}`, uuid: `u-${n}` }));
      const result = await appendTo(store, "s-1", entries);
      assert.deepEqual(result, {
        from: 1,
        to: 100_000,
        appended: 100_000,
        duplicates: 0,
        committed: 100_000,
      });
      const read = await store.read({ log: logKey() });
      assert.ok(
        read.entries.every(({ seq, body }, index) => seq === index + 1 && body === entries[index]?.body),
      );
      assert.equal(read.entries.length, 100_000);
      const text = textOf(await gather(store.scan({ log: logKey() })));
      assert.ok(text === entries.map(({ body }) => `${body}\n`).join(""));
      assert.equal((await appendTo(store, "s-1", entries)).duplicates, 100_000);
    });
  });
}

const oddBodies: Readonly<Record<string, string>> = {
  "an escaped NUL": String.raw`{"a\u0000b":"\u0000"}`,
  "escaped lone surrogates": String.raw`{"a":"\ud800","b":"\uDC00x","c":"\udc00\ud800"}`,
  "an escaped pair": String.raw`{"a":"\ud83d\ude00 \/ \u00e9"}`,
  "U+2028, U+2029 and U+0085": '{"a":"\u2028\u2029\u0085"}',
  "characters beyond the BMP": '{"😀":"𝒜\u{10ffff}","﷐":"\ufffe\uffff\ufeff"}',
  "numbers that no double holds":
    '{"a":9007199254740993,"b":1.10,"c":1e400,"d":-0,"e":123456789012345678901234567890}',
  "keys in an order of their own": '{"b":1,"2":2,"a":3,"1":4,"__proto__":5}',
  "a key that comes twice": '{"a":1,"a":2}',
  "spaces and tabs": '{ "a" :\t[ 1 , 2 ] }',
  "text in two normal forms": '{"a":"\u00e9","b":"e\u0301"}',
  "quotes, backslashes and what SQL knows": String.raw`{"a":"\\\"'; DROP TABLE entry; -- $1 ?1 :x %s \\u0000"}`,
  "control characters": '{"a":"\u0001\u001f\u007f\u001a"}',
};
