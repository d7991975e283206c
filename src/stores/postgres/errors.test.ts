import { describe, expect, test } from "vitest";
import { redactText } from "../../core/redaction.ts";
import { typedError } from "./errors.ts";
import { Place } from "./place.ts";

const place = new Place({ url: "postgres://host/database" });
const typed = (code: string, mayBeWritten: boolean, severity = "ERROR") =>
  typedError(Object.assign(new Error("told"), { code, severity }), { place, mayBeWritten });

describe("What an error of the server or the connection means", () => {
  test.each([
    ["53100", "store_full", true],
    ["53300", "store_unreachable", true],
    ["57P03", "store_unreachable", true],
    ["57P04", "store_unreachable", false],
    ["28P01", "store_unreachable", false],
    ["3D000", "store_unreachable", false],
    ["25006", "store_unreachable", false],
    ["25P03", "store_busy", true],
    ["23505", "store_busy", true],
    ["40001", "store_busy", true],
    ["55P03", "store_busy", true],
    ["57014", "store_busy", true],
    ["58030", "store_unreachable", true],
    ["XX001", "store_corrupt", false],
    ["CONNECT_TIMEOUT", "store_unreachable", true],
    ["CONNECTION_ENDED", "store_unreachable", true],
    ["ECONNREFUSED", "store_unreachable", true],
    ["ENOTFOUND", "store_unreachable", true],
    ["SELF_SIGNED_CERT_IN_CHAIN", "store_unreachable", false],
  ])("%s is %s, and its retryable is %s, for a read and for a write", (code, expected, retryable) => {
    const error = typed(code, false) as Error;
    expect(error).toMatchObject({ code: expected, retryable, data: { cause: code } });
    expect(redactText(error.message)).toContain(place.url);
    if (code !== "ECONNREFUSED" && code !== "ENOTFOUND")
      expect(typed(code, true)).toMatchObject({ code: expected, retryable });
  });

  test.each(["CONNECTION_CLOSED", "CONNECTION_DESTROYED", "ECONNRESET", "EPIPE", "57P01", "57P02", "08006"])(
    "%s leaves the outcome of a write unknown, and that of a read not",
    (code) => {
      expect(typed(code, true)).toMatchObject({ code: "outcome_unknown", retryable: true });
      expect(typed(code, false)).toMatchObject({ code: "store_unreachable", retryable: true });
    },
  );

  test("A server that panics over its disk may have written the commit.", () => {
    expect(typed("53100", true, "PANIC")).toMatchObject({ code: "outcome_unknown" });
  });

  test("An error that means a fault of the program stays as it is, without the statement's values.", () => {
    const fault = Object.assign(new Error("told"), {
      code: "22012",
      parameters: ["a body"],
      detail: "a body",
    });
    const shown = typedError(fault, { place, mayBeWritten: true }) as Error;
    expect(shown.message).toBe("told");
    expect(Object.entries(shown)).toEqual([["code", "22012"]]);
  });
});
