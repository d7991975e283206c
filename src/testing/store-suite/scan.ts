import assert from "node:assert/strict";
import { isHoldfastError } from "../../core/errors.ts";
import type { StoreTests } from "./harness.ts";
import { appendTo, gather, logKey, plain, refused, sessionKey, textOf } from "./samples.ts";

/** The fast way out: bodies in pieces. */
export function scanTests({ describe, test }: StoreTests): void {
  describe("scan", () => {
    test("Yields the bodies in order.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2000));
      const text = textOf(await gather(store.scan({ log: logKey() })));
      assert.equal(
        text,
        plain(1, 2000)
          .map(({ body }) => `${body}\n`)
          .join(""),
      );
    });

    test("Cuts pieces of about 1 MB.", async (store) => {
      const entries = Array.from({ length: 60 }, (_, n) => ({
        body: `{"n":${n},"t":"${"x".repeat(100_000)}"}`,
      }));
      await appendTo(store, "s-1", entries);
      const pieces = await gather(store.scan({ log: logKey() }));
      assert.ok(pieces.length >= 3 && pieces.length <= 12, `${pieces.length} pieces`);
      for (const piece of pieces) assert.ok(piece.length > 0 && piece.join("").length < 2_500_000);
      assert.equal(textOf(pieces), entries.map(({ body }) => `${body}\n`).join(""));
    });

    test("Starts behind a position.", async (store) => {
      await appendTo(store, "s-1", plain(1, 5));
      assert.equal(textOf(await gather(store.scan({ log: logKey(), after: 3 }))), '{"n":4}\n{"n":5}\n');
      assert.deepEqual(await gather(store.scan({ log: logKey(), after: 5 })), []);
    });

    test("Of an unknown log yields nothing.", async (store) => {
      assert.deepEqual(await gather(store.scan({ log: logKey() })), []);
    });

    test("Refuses a position in the future and an impossible key.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2));
      await refused("cursor_ahead", async () => gather(store.scan({ log: logKey(), after: 3 })));
      await refused("invalid_key", async () => gather(store.scan({ log: logKey("") })));
    });

    test("Ends where the log ended when it began, however much is appended meanwhile.", async (store) => {
      await appendTo(store, "s-1", plain(1, 2000));
      let text = "";
      for await (const piece of store.scan({ log: logKey() })) {
        text += textOf([piece]);
        await appendTo(store, "s-1", plain(2001, 2001));
      }
      assert.equal(
        text,
        plain(1, 2000)
          .map(({ body }) => `${body}\n`)
          .join(""),
      );
    });

    test("During a drop gives the whole log or says so, never a part that looks whole.", async (store) => {
      const entries = Array.from({ length: 40 }, (_, n) => ({
        body: `{"n":${n},"t":"${"x".repeat(100_000)}"}`,
      }));
      await appendTo(store, "s-1", entries);
      let lines = 0;
      try {
        for await (const piece of store.scan({ log: logKey() })) {
          lines += piece.length;
          await store.drop({ session: sessionKey(), actor: "test" });
        }
      } catch (error) {
        assert.equal(isHoldfastError(error) && error.code, "session_dropped");
        return;
      }
      assert.equal(lines, 40);
    });
  });
}
