import { expect, it } from "vitest";
import { fieldsOf, objectIn, textOf } from "./json.ts";

it("finds an object, and nothing in what is none", () => {
  expect(objectIn('{"a":1}')).toEqual({ a: 1 });
  for (const text of ["[1]", "null", "7", '"a"', "{", ""]) expect(objectIn(text)).toBeUndefined();
  expect(fieldsOf({ a: 1 })).toEqual({ a: 1 });
});

it("takes a text for a text alone", () => {
  expect(textOf("")).toBe("");
  for (const value of [1, null, undefined, {}]) expect(textOf(value)).toBeUndefined();
});
