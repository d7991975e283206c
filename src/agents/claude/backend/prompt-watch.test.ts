import { describe, expect, test } from "vitest";
import { PromptWatch } from "./prompt-watch.ts";

const init = { type: "system", subtype: "init" };
const report = { type: "result", origin: { kind: "task-notification" } };
const answer = { type: "result" };

/** Which of these messages ends the turn of a prompt that was given before them. */
function endOf(...messages: readonly object[]): number {
  const watch = new PromptWatch("mine");
  return messages.findIndex((message) => watch.ends(message));
}

describe("the end of a prompt's turn, where the SDK names the prompts", () => {
  const taken = { type: "command_lifecycle" };
  const mine = { ...answer, user_message_uuids: ["other", "mine"] };

  test("is the result that names the prompt", () => {
    expect(endOf(taken, init, { ...answer, user_message_uuid: "other" }, init, mine)).toBe(4);
  });

  test("is not what the agent says of its own task, which it had begun when the prompt came", () => {
    expect(endOf(taken, init, report, init, mine)).toBe(4);
    expect(endOf(report, taken, init, mine)).toBe(3);
  });

  test("is a result without any name, such as an error has", () => {
    expect(endOf(taken, init, answer)).toBe(2);
  });
});

describe("the end of a prompt's turn, where the SDK names none", () => {
  test("is its result", () => {
    expect(endOf(init, { type: "assistant" }, answer)).toBe(2);
  });

  test("is the report of a task that came in its midst: there is no other result", () => {
    expect(endOf(init, { type: "assistant" }, init, report)).toBe(3);
  });

  test("is not a report that was begun before it", () => {
    expect(endOf(report, init, answer)).toBe(2);
  });
});
