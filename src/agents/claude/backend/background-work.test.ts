import { expect, test } from "vitest";
import { BackgroundWork } from "./background-work.ts";

const said = (subtype: string, fields: object = {}) => ({
  type: "system",
  subtype,
  task_id: "t",
  ...fields,
});

function isUnderWayAfter(...messages: object[]): boolean {
  const work = new BackgroundWork();
  for (const message of messages) work.take(message);
  return work.isUnderWay;
}

test("An agent is at work while a task of its own goes on, and until it has answered what that reports.", () => {
  expect(isUnderWayAfter()).toBe(false);
  const turn = [said("task_started"), { type: "result" }];
  expect(isUnderWayAfter(...turn)).toBe(true);
  const reported = [...turn, said("task_notification", { status: "completed" })];
  expect(isUnderWayAfter(...reported)).toBe(true);
  expect(isUnderWayAfter(...reported, { type: "result" })).toBe(false);
  const moved = said("task_updated", { patch: { is_backgrounded: true } });
  expect(isUnderWayAfter(said("task_started", { is_backgrounded: false }), moved)).toBe(true);
});

test.each<[string, object[]]>([
  ["a task was stopped", [said("task_started"), said("task_notification", { status: "stopped" })]],
  ["a task was killed", [said("task_started"), said("task_updated", { patch: { status: "killed" } })]],
  ["all that is left are watchers", [said("task_started", { ambient: true })]],
  ["its turn waited for all", [said("task_started", { is_backgrounded: false })]],
  ["no task is left", [said("task_started"), said("background_tasks_changed", { tasks: [] })]],
])("An agent is at nothing where %s.", (_, messages) => {
  expect(isUnderWayAfter(...messages)).toBe(false);
});
