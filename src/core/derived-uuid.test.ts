import fc from "fast-check";
import { expect, it } from "vitest";
import { derivedUuid } from "./derived-uuid.ts";

it("gives the uuid that it gave in every release: ids in stored transcripts depend on it", () => {
  expect(derivedUuid()).toBe("0880950e-b2ab-8be9-9aa0-733055956c75");
  expect(derivedUuid("closer", "12.1", "0")).toBe("4b15b203-b1c2-8940-88db-78146e9cf351");
  expect(derivedUuid("ü", "\ud800")).toBe("63fafd27-df36-8fd8-87d8-2d5672239626");
});

it("gives uuids of version 8 that differ where the texts differ, also in where they are cut", () => {
  const texts = fc.array(fc.string(), { maxLength: 4 });
  fc.assert(
    fc.property(texts, texts, (one, other) => {
      const [a, b] = [derivedUuid(...one), derivedUuid(...other)];
      expect(a).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(a === b).toBe(JSON.stringify(one) === JSON.stringify(other));
    }),
  );
  const many = Array.from({ length: 20_000 }, (_, place) => derivedUuid("run", `${place}`));
  expect(new Set(many).size).toBe(20_000);
});
