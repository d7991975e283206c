import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkEntries } from "./entry.ts";
import {
  emptyJournal,
  stepEntry,
  stepIn,
  stepLog,
  unknownSteps,
  verdictOf,
  withSteps,
  type StepEffect,
  type StepJournal,
  type StepRecord,
  type StepVerdict,
} from "./steps.ts";

const effects: readonly StepEffect[] = ["idempotent", "query", "unsafe"];
const step = { name: "pay", key: "1" };

function record(type: StepRecord["type"], part: Partial<StepRecord> = {}): string {
  const fields = { result: { value: 7 }, failed: { message: "no" }, started: {} }[type];
  const whole = { ...step, effect: "unsafe", run: "1.1", type, ...fields, ...part };
  return stepEntry(whole as StepRecord).body;
}

function journal(...bodies: readonly string[]): StepJournal {
  return withSteps(emptyJournal, bodies);
}

const run: StepVerdict = { do: "run" };
const ask: StepVerdict = { do: "ask" };
const hold: StepVerdict = { do: "hold" };
const result: StepVerdict = { do: "return", outcome: { ok: true, value: 7 } };
const failure: StepVerdict = { do: "return", outcome: { ok: false, message: "no" } };

const table: readonly (readonly [string, readonly StepRecord["type"][], Record<StepEffect, StepVerdict>])[] =
  [
    ["nothing", [], { idempotent: run, query: run, unsafe: run }],
    ["a start", ["started"], { idempotent: run, query: ask, unsafe: hold }],
    ["two starts", ["started", "started"], { idempotent: run, query: ask, unsafe: hold }],
    ["a result", ["started", "result"], { idempotent: result, query: result, unsafe: result }],
    ["a result alone", ["result"], { idempotent: result, query: result, unsafe: result }],
    ["a failure", ["started", "failed"], { idempotent: run, query: ask, unsafe: failure }],
    ["a failure alone", ["failed"], { idempotent: run, query: ask, unsafe: failure }],
    ["a start after a failure", ["failed", "started"], { idempotent: run, query: ask, unsafe: hold }],
    ["a result after a failure", ["failed", "result"], { idempotent: result, query: result, unsafe: result }],
    ["a start after a result", ["result", "started"], { idempotent: result, query: result, unsafe: result }],
    ["a failure after a result", ["result", "failed"], { idempotent: result, query: result, unsafe: result }],
  ];

describe("the verdict on a step", () => {
  for (const [what, types, verdicts] of table) {
    it.each(effects)(`follows its effect where the journal holds ${what}: %s`, (effect) => {
      const known = journal(...types.map((type) => record(type, { effect })));
      expect(verdictOf(known, { ...step, effect })).toEqual(verdicts[effect]);
    });
  }

  it("takes a damaged journal for a start that may have been, and never doubts a result", () => {
    const damaged = journal("{");
    expect(damaged.damaged).toBe(1);
    expect(effects.map((effect) => verdictOf(damaged, { ...step, effect }))).toEqual([run, ask, hold]);
    const known = journal("{", record("result"));
    for (const effect of effects) expect(verdictOf(known, { ...step, effect })).toEqual(result);
  });

  it("goes by the stricter effect when it was declared otherwise before", () => {
    for (const [place, then] of effects.entries()) {
      for (const [other, now] of effects.entries()) {
        const known = journal(record("started", { effect: then }));
        const expected = [run, ask, hold][Math.max(place, other)];
        expect(verdictOf(known, { ...step, effect: now })).toEqual(expected);
      }
    }
    const loosened = journal(record("started"), record("started", { effect: "idempotent" }));
    expect(verdictOf(loosened, { ...step, effect: "idempotent" })).toEqual(hold);
  });

  it("keeps steps apart by name and key, however they are put together", () => {
    const known = journal(record("result", { name: "a", key: "bc" }));
    for (const other of [
      { name: "ab", key: "c" },
      { name: "a", key: "b" },
      { name: "b", key: "bc" },
    ])
      expect(verdictOf(known, { ...other, effect: "unsafe" })).toEqual(run);
    expect(stepIn(known, { name: "a", key: "bc" })).toMatchObject({ outcome: { ok: true }, run: "1.1" });
    expect(stepIn(known, step)).toBeUndefined();
  });
});

describe("the step journal", () => {
  it("is a log of its own for each input, apart from the input's runs", () => {
    expect(stepLog("12")).toBe("@steps/12");
  });

  it("keeps any JSON value, and none where a step gave none", () => {
    fc.assert(
      fc.property(fc.option(fc.jsonValue(), { nil: undefined }), (value) => {
        const entry = stepEntry({ ...step, effect: "unsafe", run: "1.1", type: "result", value });
        checkEntries([entry]);
        const plain = value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
        const verdict = verdictOf(journal(entry.body), { ...step, effect: "unsafe" });
        expect(verdict).toEqual({ do: "return", outcome: { ok: true, value: plain } });
      }),
    );
  });

  it("is the same however its entries are handed over, and leaves the one before unchanged", () => {
    const any = fc.constantFrom(
      ...(["started", "result", "failed"] as const).flatMap((type) =>
        effects.flatMap((effect) => ["1", "2"].map((key) => record(type, { effect, key }))),
      ),
      "{",
    );
    fc.assert(
      fc.property(fc.array(any), fc.nat(), (bodies, at) => {
        const cut = bodies.length === 0 ? 0 : at % bodies.length;
        const first = withSteps(emptyJournal, bodies.slice(0, cut));
        const before = structuredClone(first);
        expect(withSteps(first, bodies.slice(cut))).toEqual(journal(...bodies));
        expect(first).toEqual(before);
      }),
    );
    expect(emptyJournal.steps.size).toBe(0);
  });

  it("names the unsafe steps of a run whose outcome nobody knows", () => {
    const known = journal(
      record("started", { key: "open" }),
      record("started", { key: "other run", run: "1.2" }),
      record("started", { key: "query", effect: "query" }),
      record("started", { key: "done" }),
      record("result", { key: "done" }),
      record("started", { key: "failed" }),
      record("failed", { key: "failed" }),
    );
    expect(unknownSteps(known, "1.1").map(({ key }) => key)).toEqual(["open"]);
  });

  it.each([
    "",
    "[]",
    "{}",
    '{"name":"a","key":"b","run":"1","effect":"unsafe"}',
    '{"name":"a","key":"b","run":"1","effect":"unsafe","type":"resumed"}',
    '{"name":"a","key":"b","run":"1","effect":"unsafe","type":"failed"}',
    '{"name":"a","key":"b","run":"1","effect":"careful","type":"started"}',
    '{"name":"a","key":"b","run":"1","effect":7,"type":"started"}',
    '{"name":"a","key":"b","run":"1","effect":"toString","type":"started"}',
    '{"name":7,"key":"b","run":"1","effect":"unsafe","type":"started"}',
    '{"name":"a","run":"1","effect":"unsafe","type":"started"}',
    '{"name":"a","key":"b","effect":"unsafe","type":"started"}',
  ])("counts what it cannot read as damage: %s", (body) => {
    expect(journal(body)).toEqual({ steps: new Map(), damaged: 1 });
  });
});
