import { expect, it } from "vitest";
import { promptOf } from "./agent.ts";

it("finds the prompt of an input, and none where its body has no text for one", () => {
  expect(promptOf({ body: '{"prompt":"do it","images":[]}' })).toBe("do it");
  expect(promptOf({ body: '{"prompt":{"text":"x"}}' })).toBe("");
  expect(promptOf({ body: "{" })).toBe("");
});
