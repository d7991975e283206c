import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Journal, Turn } from "../../../core/agent.ts";
import { toolFacts } from "../../../core/closers.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { LiveEvent } from "../../../core/event.ts";
import type { Claim } from "../../../core/run.ts";
import { emptyJournal, stepLog, withSteps } from "../../../core/steps.ts";
import { StoredJournal } from "../../../runtime/step-journal.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { type SdkHook, type SdkHooks, ToolSteps } from "./tool-steps.ts";

const session = { project: "p", session: "s" };

let store: ReturnType<typeof openMemoryStore>;
let claim: Claim;
let stop: AbortController;
let refused: unknown[];

beforeEach(async () => {
  store = openMemoryStore();
  await store.admit({ session, key: "k", body: "{}", provider: "claude-code" });
  claim = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
  stop = new AbortController();
  refused = [];
});
afterEach(() => store.close());

const journalOf = (): Journal =>
  new StoredJournal({ store, claim, flush: () => Promise.resolve(), check: () => undefined });

function turnWith(journal: Journal = journalOf()): Turn {
  return { journal, signal: stop.signal } as Turn;
}

function stepsOf(turn: () => Turn | undefined): ToolSteps {
  return new ToolSteps({ turn, onRefused: (error) => void refused.push(error) });
}

async function journal() {
  const bodies: string[] = [];
  for await (const page of store.scan({ log: { ...session, log: stepLog(claim.input.id) } }))
    bodies.push(...page);
  return withSteps(emptyJournal, bodies);
}

/** What the journal says of each call by its key; null where it knows only the start. */
async function outcomes(): Promise<Record<string, unknown>> {
  return Object.fromEntries(
    [...(await journal()).steps.values()].map(({ key, outcome }) => [key, outcome ?? null]),
  );
}

const call = (
  hooks: SdkHooks,
  name: string,
  input: object,
  signal = new AbortController().signal,
): Promise<object> => hooks[name]!.at(-1)!.hooks[0]!({ tool_name: "Bash", ...input }, undefined, { signal });

const denied = { hookSpecificOutput: { hookEventName: "PreToolUse", permissionDecision: "deny" } };

describe("a tool call", () => {
  test("is in the journal before the tool is let go, and with what came of it", async () => {
    const turn = turnWith();
    const steps = stepsOf(() => turn);
    const hooks = steps.hooks();
    expect(await call(hooks, "PreToolUse", { tool_use_id: "a" })).toEqual({});
    expect(await outcomes()).toEqual({ a: null });
    await call(hooks, "PostToolUse", { tool_use_id: "a", tool_response: { stdout: "hi", stderr: "" } });
    await steps.settle();
    expect(await outcomes()).toEqual({ a: { ok: true, value: "hi" } });
  });

  test("that failed is in the journal with what it said", async () => {
    const turn = turnWith();
    const steps = stepsOf(() => turn);
    await call(steps.hooks(), "PreToolUse", { tool_use_id: "a" });
    await call(steps.hooks(), "PostToolUseFailure", { tool_use_id: "a", error: "Exit code 3" });
    await steps.settle();
    expect(await outcomes()).toEqual({ a: { ok: false, message: "Exit code 3" } });
  });

  test("is one of several at once, each with its own end", async () => {
    const turn = turnWith();
    const steps = stepsOf(() => turn);
    const hooks = steps.hooks();
    await Promise.all(["a", "b", "c"].map((id) => call(hooks, "PreToolUse", { tool_use_id: id })));
    for (const id of ["c", "a"]) await call(hooks, "PostToolUse", { tool_use_id: id, tool_response: id });
    await steps.settle();
    expect(await outcomes()).toEqual({ a: { ok: true, value: "a" }, b: null, c: { ok: true, value: "c" } });
  });

  test("that was denied or interrupted is ended by its result, as no hook tells of it", async () => {
    const turn = turnWith();
    const steps = stepsOf(() => turn);
    const hooks = steps.hooks();
    await call(hooks, "PreToolUse", { tool_use_id: "a" });
    await call(hooks, "PostToolUseFailure", { tool_use_id: "a", error: "stopped", is_interrupt: true });
    steps.seen({ type: "tool_summary", call: "a", ok: false, text: "Not today." });
    await steps.settle();
    expect(await outcomes()).toEqual({ a: { ok: false, message: "Not today." } });
  });

  test("is found by its key where the agent names the tool otherwise than the model", async () => {
    const turn = turnWith();
    await call(stepsOf(() => turn).hooks(), "PreToolUse", { tool_use_id: "a", tool_name: "Agent" });
    const said: LiveEvent = { type: "tool_call", call: "a", name: "Task", step: "a" };
    expect(toolFacts([said], await journal()).get("a")).toBe("outcome_unknown");
  });
});

describe("a tool is refused", () => {
  test("where the journal says that the lease is lost, and the turn hears of it", async () => {
    const lost = new HoldfastError({ code: "lease_lost", message: "The lease is lost.", next: "Stop." });
    const turn = turnWith({ step: () => Promise.reject(lost) });
    const answer = await call(stepsOf(() => turn).hooks(), "PreToolUse", { tool_use_id: "a" });
    expect(answer).toMatchObject({ ...denied, continue: false });
    expect(refused).toEqual([lost]);
  });

  test("where the turn is stopped while its start is being written", async () => {
    const turn = turnWith({ step: () => new Promise(() => undefined) });
    const answer = call(stepsOf(() => turn).hooks(), "PreToolUse", { tool_use_id: "a" });
    stop.abort(new Error("Enough."));
    expect(await answer).toMatchObject({ ...denied, stopReason: "Enough." });
  });

  test("where the agent gives the call up itself, as when it dies, and the turn hears of that from its end", async () => {
    const turn = turnWith({ step: () => new Promise(() => undefined) });
    const given = new AbortController();
    const answer = call(stepsOf(() => turn).hooks(), "PreToolUse", { tool_use_id: "a" }, given.signal);
    given.abort();
    expect(await answer).toMatchObject(denied);
    expect(refused).toEqual([]);
  });

  test("where an earlier attempt has done the same call", async () => {
    const first = turnWith();
    const steps = stepsOf(() => first);
    await call(steps.hooks(), "PreToolUse", { tool_use_id: "a" });
    await call(steps.hooks(), "PostToolUse", { tool_use_id: "a", tool_response: "done once" });
    await steps.settle();
    const again = turnWith();
    const answer = await call(stepsOf(() => again).hooks(), "PreToolUse", { tool_use_id: "a" });
    expect(answer).toMatchObject({ ...denied, stopReason: "This call was made before: done once" });
    expect(answer).not.toHaveProperty("continue");
  });
});

describe("a turn that ends", () => {
  test("leaves the outcome of what has not ended unknown", async () => {
    const turn = turnWith();
    const steps = stepsOf(() => turn);
    await call(steps.hooks(), "PreToolUse", { tool_use_id: "a" });
    await steps.settle();
    steps.seen({ type: "tool_summary", call: "a", ok: true, text: "too late" });
    await steps.settle();
    expect(await outcomes()).toEqual({ a: null });
  });
});

describe("a tool that works between two turns", () => {
  test("is let go, and its call is not said to have a step, also when it is told later", async () => {
    let turn: Turn | undefined;
    const steps = stepsOf(() => turn);
    expect(await call(steps.hooks(), "PreToolUse", { tool_use_id: "a" })).toEqual({});
    turn = turnWith();
    const said: LiveEvent = { type: "tool_call", call: "a", name: "Bash", step: "a" };
    expect(steps.seen(said)).toEqual({ type: "tool_call", call: "a", name: "Bash" });
    expect(steps.seen({ ...said, call: "b", step: "b" })).toHaveProperty("step", "b");
    expect(await outcomes()).toEqual({});
  });
});

describe("the hooks of the caller", () => {
  test("are asked as well, each where the caller put it", () => {
    const own: SdkHook = () => Promise.resolve({});
    const callers = { PreToolUse: [{ matcher: "Bash", hooks: [own] }], Stop: [{ hooks: [own] }] };
    const hooks = stepsOf(() => undefined).hooks(callers);
    expect(hooks["PreToolUse"]).toHaveLength(2);
    expect(hooks["PreToolUse"]![0]).toBe(callers.PreToolUse[0]);
    expect(hooks["Stop"]).toBe(callers.Stop);
    expect(Object.keys(hooks).toSorted()).toEqual([
      "PostToolUse",
      "PostToolUseFailure",
      "PreToolUse",
      "Stop",
    ]);
  });
});
