import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventEntry, type RunEvent } from "./event.ts";
import type { TailPart } from "./run.ts";
import { emptyJournal, stepEntry, type StepRecord, withSteps } from "./steps.ts";
import { classifyTail, type HoldReason, type TailFacts } from "./tail-verdict.ts";

const run = { id: "5.1", input: "5" };

function event(fields: RunEvent, of = run.id): string {
  return eventEntry({ run: of, event: fields }).body;
}

const said = event({ type: "assistant", text: "a" });
const called = event({ type: "tool_call", call: "c1", name: "x" });
const summed = event({ type: "tool_summary", call: "c1", ok: true, text: "ok" });
const done = event({ type: "result", ok: true, text: "a" });
const failed = event({ type: "result", ok: false, text: "a" });
const subagentDone = event({ type: "result", ok: true, text: "a", parent: "c1" });
const replayedDone = event({ type: "result", ok: true, text: "a", replayed: true }, "4.1");
const replayedCall = event({ type: "tool_call", call: "c9", name: "x", replayed: true }, "4.1");

function counted(entries: number): string {
  return event({ type: "result", ok: true, text: "a", staged: { "": entries } });
}

function message(type: string, block: object): string {
  return JSON.stringify({ type, message: { content: [block] } });
}

const prompt = message("user", { type: "text", text: "go" });
const toolUse = message("assistant", { type: "tool_use", id: "c1" });
const toolResult = message("user", { type: "tool_result", tool_use_id: "c1" });

function record(type: "started" | "result" | "failed", part: Partial<StepRecord> = {}): string {
  const whole = { name: "x", key: "k", effect: "unsafe", run: run.id, type, message: "no", ...part };
  return stepEntry(whole as StepRecord).body;
}

interface Case {
  readonly events?: readonly string[];
  readonly entries?: readonly string[];
  readonly steps?: readonly string[];
  readonly parts?: readonly TailPart[];
}

function part(log: string, to: number): TailPart[] {
  return to === 0 ? [] : [{ log, from: 1, to, sha256: "" }];
}

function factsOf(
  { events = [], entries = [], steps = [], parts }: Case,
  provider = "claude-code",
): TailFacts {
  return {
    run,
    provider,
    parts: parts ?? [...part("", entries.length), ...part("@run/5.1", events.length)],
    events,
    entries,
    journal: withSteps(emptyJournal, steps),
  };
}

describe("the tail of a dead run", () => {
  it.each([
    ["its result is the last event", { events: [said, done] }],
    ["its result says that it failed", { events: [failed] }],
    [
      "each tool call has its result",
      { events: [called, summed, done], entries: [prompt, toolUse, toolResult] },
    ],
    ["what came before the result was only shown again", { events: [replayedDone, replayedCall, done] }],
    ["its unsafe step has a result", { events: [done], steps: [record("started"), record("result")] }],
    [
      "its unsafe step is known to have failed",
      { events: [done], steps: [record("started"), record("failed")] },
    ],
    ["its query step has no result", { events: [done], steps: [record("started", { effect: "query" })] }],
    [
      "another run of the input left a step open",
      { events: [done], steps: [record("started", { run: "5.0" })] },
    ],
  ] as const)("is committed when %s", (_what, tail: Case) => {
    const facts = factsOf(tail);
    const outcome = tail.events!.at(-1);
    expect(classifyTail(facts)).toEqual({ verdict: "commit", parts: facts.parts, outcome });
  });

  it.each([
    ["there is nothing of it", {}],
    ["it has said something", { events: [said], entries: [prompt] }],
    ["a tool was running", { events: [called], entries: [prompt, toolUse] }],
    ["only an earlier run's result was shown again", { events: [replayedDone] }],
    ["only a subagent of it came to a result", { events: [subagentDone] }],
    ["its idempotent step has no result", { steps: [record("started", { effect: "idempotent" })] }],
    [
      "its transcript ended but it never said so",
      { entries: [prompt, message("assistant", { type: "text" })] },
    ],
  ] as const)("is interrupted when %s", (_what, tail: Case) => {
    const facts = factsOf(tail);
    expect(classifyTail(facts)).toEqual({ verdict: "interrupt", parts: facts.parts });
  });

  const holds: readonly (readonly [HoldReason, string, Case])[] = [
    ["tail_unread", "not all of its events were read", { events: [done], parts: part("@run/5.1", 2) }],
    ["tail_unread", "more entries were read than it has", { entries: [prompt], parts: [] }],
    ["event_undecodable", "an event cannot be read", { events: ['{"type":"result"}'] }],
    ["event_undecodable", "a damaged event comes before its result", { events: ["{", done] }],
    [
      "event_foreign",
      "an event is another run's",
      { events: [event({ type: "user", text: "a" }, "5.2"), done] },
    ],
    ["event_foreign", "an event names no run", { events: ['{"type":"user","text":"a"}', done] }],
    ["event_foreign", "it holds the events of another run", { parts: part("@run/5.10", 1) }],
    ["event_foreign", "it holds the steps of another input", { parts: part("@steps/50", 1) }],
    ["entry_undecodable", "an entry cannot be read", { events: [done], entries: ["{"] }],
    ["step_undecodable", "the step journal is damaged", { events: [done], steps: ["{"] }],
    ["step_unknown", "an unsafe step has no result", { events: [called], steps: [record("started")] }],
    [
      "step_unknown",
      "an unsafe step has no result though it ended",
      { events: [done], steps: [record("started")] },
    ],
    ["result_orphan", "a result has no call in the transcript", { entries: [prompt, toolResult] }],
    ["result_orphan", "a result has no call among the events", { events: [summed, done] }],
    ["after_terminal", "something follows its result", { events: [done, said] }],
    ["after_terminal", "it has two results", { events: [done, done] }],
    ["after_terminal", "something was shown again behind its result", { events: [done, replayedCall] }],
    ["tail_incomplete", "less is there than it had given", { events: [counted(2)], entries: [prompt] }],
    [
      "tail_incomplete",
      "an event is lacking that it had told before its result",
      { events: [said, event({ type: "result", ok: true, text: "", staged: { "@run/5.1": 2 } })] },
    ],
    [
      "after_terminal",
      "more is there than it had given",
      { events: [counted(1)], entries: [prompt, prompt] },
    ],
    ["call_open", "it ended with a call open in the transcript", { events: [done], entries: [toolUse] }],
    ["call_open", "it ended with a call open among the events", { events: [called, done] }],
  ];

  it.each(holds)("is held for an operator (%s) when %s", (reason, _what, tail) => {
    const facts = factsOf(tail);
    const message = expect.stringMatching(/^(?!.*undefined)[A-Z0-9].*\.$/);
    expect(classifyTail(facts)).toEqual({ verdict: "hold", parts: facts.parts, reason, message });
  });

  it("may hold its own steps and a subagent's transcript", () => {
    const parts = [...part("@run/5.1", 1), ...part("@steps/5", 3), ...part("subagents/agent-1", 9)];
    expect(classifyTail(factsOf({ events: [done], parts }))).toMatchObject({ verdict: "commit" });
  });

  it("is told from its events alone where the transcript's shape is not known", () => {
    const facts = factsOf({ events: [done], entries: [toolUse, toolResult, toolResult] }, "cursor");
    expect(classifyTail(facts)).toMatchObject({ verdict: "commit" });
    const broken = factsOf({ events: [done], entries: ["{"] }, "cursor");
    expect(classifyTail(broken)).toMatchObject({ verdict: "hold", reason: "entry_undecodable" });
  });
});

describe("the verdict on a tail", () => {
  const line = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(said, called, summed, done, failed, replayedDone, replayedCall) },
    {
      weight: 1,
      arbitrary: fc.oneof(fc.string(), fc.json(), fc.constant(event({ type: "user", text: "" }, "6.1"))),
    },
  );
  const entry = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(prompt, toolUse, toolResult) },
    { weight: 1, arbitrary: fc.oneof(fc.string(), fc.json()) },
  );
  const step = fc.oneof(
    fc.constantFrom(record("started"), record("result"), record("failed")),
    fc.constantFrom(record("started", { effect: "query" }), "{"),
  );
  const tail = fc.record({
    events: fc.array(line, { maxLength: 6 }),
    entries: fc.array(entry, { maxLength: 4 }),
    steps: fc.array(step, { maxLength: 2 }),
    provider: fc.constantFrom("claude-code", "scripted", "cursor"),
    extra: fc.constantFrom([], part("@run/6.1", 1), part("@run/5.1", 1), part("subagents/a", 2)),
  });

  it("is exactly one for any tail, binds it, and never commits what has no result of its own at its end", () => {
    const seen = { commit: 0, interrupt: 0, hold: 0 };
    fc.assert(
      fc.property(tail, ({ provider, extra, ...rest }) => {
        const facts = factsOf(rest, provider);
        const whole = { ...facts, parts: [...facts.parts, ...extra] };
        const before = structuredClone(whole);
        const verdict = classifyTail(whole);
        expect(classifyTail(structuredClone(whole))).toEqual(verdict);
        expect(whole).toEqual(before);
        expect(verdict.parts).toBe(whole.parts);
        const ends = whole.events.filter((body) => body === done || body === failed).length;
        seen[verdict.verdict] += 1;
        if (verdict.verdict === "commit") {
          expect([done, failed]).toContain(whole.events.at(-1));
          expect(verdict.outcome).toBe(whole.events.at(-1));
          expect(ends).toBe(1);
        }
        if (verdict.verdict === "interrupt") expect(ends).toBe(0);
        if (verdict.verdict === "hold") expect(verdict.message).not.toContain("undefined");
      }),
      { numRuns: 3_000 },
    );
    // Else the property would be true of nothing.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(5);
  });

  it("never throws, whatever bytes are in the log", () => {
    const bytes = fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.json()), { maxLength: 4 });
    fc.assert(
      fc.property(bytes, bytes, bytes, (events, entries, steps) => {
        const { verdict } = classifyTail(factsOf({ events, entries, steps }));
        expect(["commit", "interrupt", "hold"]).toContain(verdict);
      }),
      { numRuns: 1_000 },
    );
  });
});
