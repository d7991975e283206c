import { describe, expect, test, vi } from "vitest";
import type { AgentStep } from "../../../core/agent.ts";
import { askDesk, permissionDesk, type PermissionHandler } from "./permission-desk.ts";

const session = { project: "p", session: "s" };
const question = { tool: "Bash", input: { command: "ls" }, call: "toolu_1" };
const signal = new AbortController().signal;
const never: PermissionHandler = () => new Promise(() => undefined);

describe("a permission desk", () => {
  test("gives the answer of whoever is attached to the session, and to no other one", async () => {
    const desk = permissionDesk();
    desk.attach({ ...session, session: "other" }, () => ({ behavior: "deny" }));
    const detach = desk.attach(session, (asked) => ({
      behavior: "allow",
      input: { ...asked.input, safe: true },
    }));
    expect(await desk.ask(session, question, signal)).toEqual({
      behavior: "allow",
      input: { command: "ls", safe: true },
      by: "handler",
    });
    detach();
    expect(await desk.ask(session, question, signal)).toMatchObject({
      behavior: "deny",
      by: "nobody_attached",
    });
  });

  test("takes the first answer of several, and tells the others that theirs is not needed", async () => {
    const desk = permissionDesk();
    let stopped = false;
    desk.attach(session, async (_, stop) => {
      await new Promise<void>((resolve) => stop.addEventListener("abort", () => resolve()));
      stopped = true;
      return { behavior: "deny" };
    });
    desk.attach(session, () => ({ behavior: "allow" }));
    expect(await desk.ask(session, question, signal)).toMatchObject({ behavior: "allow" });
    await Promise.resolve();
    expect(stopped).toBe(true);
  });

  test.each(["allow", "deny"] as const)("falls back to %s where nobody answers in time", async (fallback) => {
    vi.useFakeTimers();
    const desk = permissionDesk({ timeoutMs: 500, fallback });
    desk.attach(session, never);
    const answer = desk.ask(session, question, signal);
    await vi.advanceTimersByTimeAsync(500);
    expect(await answer).toMatchObject({ behavior: fallback, by: "timeout" });
    vi.useRealTimers();
  });

  test.each([Infinity, 2 ** 31])(
    "waits for an answer as long as the turn where it may take %s ms",
    async (timeoutMs) => {
      vi.useFakeTimers();
      const desk = permissionDesk({ timeoutMs, fallback: "allow" });
      desk.attach(session, never);
      const stop = new AbortController();
      const answer = desk.ask(session, question, stop.signal);
      await vi.advanceTimersByTimeAsync(1000);
      stop.abort();
      expect(await answer).toMatchObject({ behavior: "deny", by: "aborted" });
      vi.useRealTimers();
    },
  );

  test("refuses a time that is none", () => {
    expect(() => permissionDesk({ timeoutMs: NaN })).toThrow("timeoutMs");
  });

  test("leaves the answer to the others where one fails, and falls back where all do", async () => {
    const desk = permissionDesk();
    const detach = desk.attach(session, () => ({ behavior: "allow" }));
    desk.attach(session, () => Promise.reject(new Error("broken")));
    expect(await desk.ask(session, question, signal)).toMatchObject({ behavior: "allow", by: "handler" });
    detach();
    expect(await desk.ask(session, question, signal)).toMatchObject({ behavior: "deny", by: "failed" });
  });

  test("denies at once where the turn is stopped, whatever its fallback is", async () => {
    const desk = permissionDesk({ fallback: "allow" });
    desk.attach(session, never);
    const stop = new AbortController();
    const answer = desk.ask(session, question, stop.signal);
    stop.abort();
    expect(await answer).toMatchObject({ behavior: "deny", by: "aborted" });
  });
});

describe("a question of the agent", () => {
  test("is told with long texts shortened, and asked with all of them", async () => {
    const desk = permissionDesk();
    const input = { file_path: "a", content: "long".repeat(100_000) };
    let asked: unknown;
    desk.attach(session, (question) => {
      asked = question.input;
      return { behavior: "allow" };
    });
    const told: AgentStep[] = [];
    const ask = askDesk(desk, session, (step) => void told.push(step));
    expect(await ask("Write", input, { signal })).toEqual({ behavior: "allow", updatedInput: input });
    expect(asked).toBe(input);
    expect(told[0]).toMatchObject({ event: { raw: { tool: "Write", input: { file_path: "a" } } } });
    expect(JSON.stringify(told).length).toBeLessThan(20_000);
  });
});
