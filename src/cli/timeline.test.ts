import { describe, expect, test } from "vitest";
import type { RunEvent } from "../core/event.ts";
import { Timeline } from "./timeline.ts";

const usage = (key: string, output: number): RunEvent => {
  const tokens = { input: 10, output, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
  return { type: "usage", key, model: "m", tokens };
};
const same = (text: string): string => text;
const layout = { style: { bold: same, dim: same, red: same, cyan: same }, width: undefined };
const said: RunEvent = { type: "assistant", text: "Hi." };

describe("a timeline", () => {
  test("shows a response's usage once, as it was in the end, behind its words and its tools", () => {
    const timeline = new Timeline(layout);
    const done: RunEvent = { type: "tool_summary", call: "c", ok: true, text: "Done." };
    const events = [usage("1", 1), said, done, usage("1", 7), said, usage("2", 1), usage("3", 2)];
    expect(events.map((event) => timeline.lines(event, "> "))).toEqual([
      [],
      ["> ● Hi."],
      [expect.stringContaining("Done.")],
      [],
      ["> ── m: 10 tokens in, 7 out ──", "> ● Hi."],
      [],
      ["> ── m: 10 tokens in, 1 out ──"],
    ]);
    expect(timeline.lines({ type: "result", ok: true, text: "" })).toEqual([
      "> ── m: 10 tokens in, 2 out ──",
    ]);
  });

  test("gives the usage that was not shown yet where an interrupted run tells no more", () => {
    const timeline = new Timeline(layout);
    expect(timeline.lines(usage("1", 1), "> ")).toEqual([]);
    expect([timeline.rest(), timeline.rest()]).toEqual([["> ── m: 10 tokens in, 1 out ──"], []]);
  });

  test("says in words with what a process was started, and nothing of one that goes on", () => {
    const timeline = new Timeline(layout);
    const settings = { model: "opus", permissionMode: "plan", cwd: "/w" };
    const lines = (status: string) => timeline.lines({ type: "status", status, settings });
    expect(lines("process_started")).toEqual(["── process started: opus, permission mode plan, in /w ──"]);
    expect(lines("process_in_use")).toEqual([]);
    expect(timeline.lines({ type: "status", status: "compacting" })).toEqual(["── compacting ──"]);
  });
});
