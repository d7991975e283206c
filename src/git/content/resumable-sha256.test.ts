import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ResumableSha256 } from "./resumable-sha256.ts";

describe("ResumableSha256", () => {
  it("gives the hash that node:crypto gives, wherever it was interrupted and taken up again", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (pieces) => {
        let hash = new ResumableSha256();
        const whole = createHash("sha256");
        for (const piece of pieces) {
          hash.update(piece);
          whole.update(piece);
          expect(hash.hex()).toBe(whole.copy().digest("hex"));
          hash = new ResumableSha256(JSON.parse(JSON.stringify(hash.state())));
        }
        expect(hash.hex()).toBe(whole.digest("hex"));
      }),
    );
  });
});
