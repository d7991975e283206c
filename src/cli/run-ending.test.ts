import { expect, test } from "vitest";
import { lineOf } from "./run-ending.ts";

test("An input that was given up is told with what queues it again.", () => {
  const ending = { project: "p", session: "s", input: "7", key: "k", run: "7.3", ok: null, text: null };
  const line = lineOf({ ...ending, state: "abandoned", reason: "The model is gone.", receipt: null });
  expect(line).toBe(
    "The input 7 is given up: The model is gone. Queue it again with holdfast redispatch --input 7.",
  );
});
