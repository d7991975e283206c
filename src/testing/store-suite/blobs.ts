import assert from "node:assert/strict";
import type { StoreTests } from "./harness.ts";
import { appendTo, plain, sessionKey } from "./samples.ts";

/** Bytes that belong to sessions. */
export function blobsTests({ describe, test }: StoreTests): void {
  describe("blobs", () => {
    test("Come back byte for byte, empty and large ones too.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const large = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 31) % 256);
      for (const bytes of [Uint8Array.of(), Uint8Array.of(0, 255, 10, 0), large]) {
        const { blob } = await store.putBlob({ session: sessionKey(), bytes });
        const found = await store.getBlob({ blob });
        assert.ok(found !== null && Buffer.compare(Buffer.from(found), Buffer.from(bytes)) === 0);
      }
    });

    test("With the same bytes are one; with others they are not.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const [one, two, three] = await Promise.all(
        [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of(2)].map((bytes) =>
          store.putBlob({ session: sessionKey(), bytes }),
        ),
      );
      assert.equal(one!.blob, two!.blob);
      assert.notEqual(one!.blob, three!.blob);
      assert.equal((await store.health()).blobs, 2);
    });

    test("That nobody put are null.", async (store) => {
      assert.equal(await store.getBlob({ blob: "sha256-00" }), null);
      assert.equal(await store.getBlob({ blob: "" }), null);
    });

    test("Live as long as one session that put them.", async (store) => {
      for (const name of ["s-1", "s-2"]) await appendTo(store, name, plain(1, 1));
      const { blob } = await store.putBlob({ session: sessionKey("s-1"), bytes: Uint8Array.of(7) });
      await store.putBlob({ session: sessionKey("s-2"), bytes: Uint8Array.of(7) });
      assert.equal((await store.drop({ session: sessionKey("s-1"), actor: "test" })).blobs, 0);
      assert.deepEqual(await store.getBlob({ blob }), Uint8Array.of(7));
      assert.equal((await store.drop({ session: sessionKey("s-2"), actor: "test" })).blobs, 1);
      assert.equal(await store.getBlob({ blob }), null);
    });

    test("Stay when only a log of their session is dropped.", async (store) => {
      await appendTo(store, "s-1", plain(1, 1));
      const { blob } = await store.putBlob({ session: sessionKey(), bytes: Uint8Array.of(7) });
      await store.drop({ session: sessionKey(), log: "", actor: "test" });
      assert.deepEqual([...(await store.getBlob({ blob }))!], [7]);
    });
  });
}
