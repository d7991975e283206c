import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkEntries } from "./entry.ts";
import { eventEntry, isLive, readEvent, type RunEvent, type RunEventType } from "./event.ts";
import { noTokens } from "./usage.ts";

const text = fc.string({ unit: "binary" });
const flags = { replayed: fc.constant(true as const), parent: text, entry: text };

function event(type: RunEventType, has: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<RunEvent> {
  const required = ["type", ...Object.keys(has).filter((name) => !name.startsWith("?"))];
  const fields = Object.fromEntries(
    Object.entries(has).map(([name, value]) => [name.replace("?", ""), value]),
  );
  return fc.record(
    { type: fc.constant(type), ...fields, ...flags },
    { requiredKeys: required as never },
  ) as unknown as fc.Arbitrary<RunEvent>;
}

const count = fc.maxSafeNat();
const tokens = fc.record({
  input: count,
  output: count,
  cacheRead: count,
  cacheWrite5m: count,
  cacheWrite1h: count,
});
const partial = fc.constant(true);
const settings = fc.dictionary(text, fc.jsonValue());
const identity = { pid: count, started: text, host: text, folder: text };
const process = fc.record(identity, { requiredKeys: ["pid", "started", "host"] });

const events: Readonly<Record<RunEventType, fc.Arbitrary<RunEvent>>> = {
  user: event("user", { text }),
  assistant: event("assistant", { text, "?partial": partial }),
  thinking: event("thinking", { text, "?partial": partial }),
  tool_call: event("tool_call", { call: text, name: text, "?input": fc.jsonValue(), "?step": text }),
  tool_progress: event("tool_progress", { call: text, text }),
  tool_summary: event("tool_summary", { call: text, ok: fc.boolean(), text }),
  usage: event("usage", { key: text, model: text, tokens }),
  status: event("status", {
    status: text,
    ...{ "?resume": text, "?of": text, "?settings": settings, "?process": process },
  }),
  notice: event("notice", { text, "?raw": fc.jsonValue() }),
  result: event("result", { ok: fc.boolean(), text, "?stop": text }),
  error: event("error", { message: text, "?code": text }),
};

const samples: readonly RunEvent[] = [
  { type: "user", text: "a" },
  { type: "assistant", text: "a" },
  { type: "thinking", text: "a" },
  { type: "tool_call", call: "c", name: "n" },
  { type: "tool_progress", call: "c", text: "a" },
  { type: "tool_summary", call: "c", ok: true, text: "a" },
  { type: "usage", key: "k", model: "m", tokens: noTokens },
  { type: "status", status: "s" },
  { type: "notice", text: "a" },
  { type: "result", ok: true, text: "a" },
  { type: "error", message: "m" },
];

describe("a run event", () => {
  it("is live unless it is marked as replayed", () => {
    for (const sample of samples) {
      expect(isLive(sample)).toBe(true);
      expect(isLive({ ...sample, replayed: true })).toBe(false);
    }
  });

  it.each(Object.keys(events) as RunEventType[])("comes back as it was written: %s", (type) => {
    fc.assert(
      fc.property(events[type], text, (written, run) => {
        const entry = eventEntry({ run, event: written });
        checkEntries([entry]);
        expect(readEvent(entry.body)).toEqual({ event: JSON.parse(JSON.stringify(written)), run });
      }),
    );
  });

  it("carries the uuid that it is given, and keeps fields that are not known yet", () => {
    const written = { type: "user", text: "a", mood: { kind: "good" } } as RunEvent;
    const entry = eventEntry({ run: "1.1", event: written, uuid: "u" });
    expect(entry.uuid).toBe("u");
    expect(readEvent(entry.body)).toEqual({ event: written, run: "1.1" });
  });

  it("names the run it was written for, whatever its own fields say", () => {
    const stray = { type: "user", text: "a", run: "9.9" } as RunEvent;
    expect(readEvent(eventEntry({ run: "1.1", event: stray }).body)).toMatchObject({ run: "1.1" });
  });

  it("of an unknown type passes as a notice that keeps all of it", () => {
    const raw = { type: "hologram", shape: [1, { deep: true }], text: "see" };
    const body = JSON.stringify({ ...raw, run: "1.1" });
    expect(readEvent(body)).toEqual({ event: { type: "notice", text: "see", raw }, run: "1.1" });
    const said = [
      ['{"type":"x","message":"m"}', "m"],
      ['{"type":"x","text":1}', "x"],
      ['{"type":"toString"}', "toString"],
      ['{"type":"__proto__"}', "__proto__"],
    ] as const;
    for (const [stored, shown] of said) expect(readEvent(stored)).toMatchObject({ event: { text: shown } });
  });

  it("of an unknown type is still replayed, and still a subagent's", () => {
    const raw = { type: "x", replayed: true, parent: "c", entry: "e" };
    expect(readEvent(JSON.stringify(raw))).toEqual({
      event: { type: "notice", text: "x", raw, replayed: true, parent: "c", entry: "e" },
      run: undefined,
    });
  });

  it.each(["", "7", "[]", "{", "{}", '{"type":7}', '{"type":""}', '{"type":"user","text":"a","run":7}'])(
    "that is damaged is said to be so, and nothing is thrown: %s",
    (body) => expect(readEvent(body)).toEqual({ fault: expect.any(String) }),
  );

  it.each(samples)("is damaged when any field that it needs is missing or wrong: $type", (sample) => {
    for (const name of Object.keys(sample).filter((field) => field !== "type")) {
      for (const value of [undefined, null, 7, []]) {
        const body = JSON.stringify({ ...sample, [name]: value });
        expect(readEvent(body)).toEqual({ fault: `has a wrong ${name}` });
      }
    }
  });

  it.each([
    { type: "user", text: "a", replayed: false },
    { type: "user", text: "a", parent: 1 },
    { type: "user", text: "a", entry: null },
    { type: "assistant", text: "a", partial: false },
    { type: "tool_call", call: "c", name: "n", step: 7 },
    { type: "status", status: "s", resume: 7 },
    { type: "status", status: "s", of: 7 },
    { type: "status", status: "s", settings: [] },
    { type: "status", status: "s", process: { pid: "1", started: "a", host: "h" } },
    { type: "status", status: "s", process: { pid: 1, host: "h" } },
    { type: "status", status: "s", process: { pid: 1, started: "a" } },
    { type: "status", status: "s", process: { pid: 1, started: "a", host: "h", folder: 7 } },
    { type: "result", ok: true, text: "a", stop: 7 },
    { type: "error", message: "m", code: 7 },
    { type: "usage", key: "k", model: "m", tokens: { ...noTokens, output: -1 } },
    { type: "usage", key: "k", model: "m", tokens: { ...noTokens, output: 0.5 } },
    { type: "usage", key: "k", model: "m", tokens: { input: 1 } },
  ])("is damaged when a field that it may have is wrong: %j", (sample) => {
    expect(readEvent(JSON.stringify(sample))).toEqual({ fault: expect.stringContaining("has a wrong") });
  });

  it.each([
    { type: "user" },
    { type: "hologram", text: "a" },
    { type: "usage", key: "k", model: "m", tokens: { ...noTokens, input: Number.NaN } },
    { type: "tool_call", call: "c", name: "n", input: 7n },
  ])("is refused before it is stored when it could not be read again: %o", (broken) => {
    const write = (): unknown => eventEntry({ run: "1.1", event: broken as unknown as RunEvent });
    expect(write).toThrow(expect.objectContaining({ code: "invalid_entry" }));
  });
});
