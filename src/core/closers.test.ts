import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CloserFacts, closersFor, toolFacts, type ToolFact } from "./closers.ts";
import { checkEntries, type EntryInput } from "./entry.ts";
import type { RunEvent } from "./event.ts";
import { emptyJournal, stepEntry, type StepRecord, withSteps } from "./steps.ts";

interface Body {
  readonly [field: string]: unknown;
  readonly type: string;
  readonly uuid?: string;
  readonly parentUuid?: string | null;
  readonly message?: { readonly id?: string; readonly content: readonly Block[] };
}

interface Block {
  readonly type: string;
  readonly id?: string;
  readonly tool_use_id?: string;
  readonly content?: string;
  readonly is_error?: boolean;
}

type Stored = Pick<EntryInput, "body"> & { readonly atMs: number };

const at = "2026-01-02T10:00:00.000Z";

/** Writes a transcript as Claude's binary does: each entry after the one before, a result after its own call. */
class Writer {
  readonly entries: Stored[] = [];
  #leaf: string | null = null;
  #count = 0;
  readonly #callers = new Map<string, string>();

  prompt(): void {
    this.#add("user", { content: [{ type: "text", text: "go" }] });
  }

  say(answer = this.#next("msg")): string {
    this.#add("assistant", { id: answer, content: [{ type: "text", text: "words" }] });
    return answer;
  }

  call(answer: string, count = 1): string[] {
    const ids = Array.from({ length: count }, () => this.#next("call"));
    const uuid = this.#add("assistant", { id: answer, content: ids.map((id) => ({ type: "tool_use", id })) });
    for (const id of ids) this.#callers.set(id, uuid);
    return ids;
  }

  result(call: string): void {
    const content = [{ type: "tool_result", tool_use_id: call, content: "ok" }];
    this.#add("user", { content }, this.#callers.get(call)!);
  }

  beside(fields: object): void {
    this.entries.push({ body: JSON.stringify(fields), atMs: 5_000 });
  }

  attachment(): void {
    this.#add("attachment", undefined);
  }

  #add(type: string, message: object | undefined, parent = this.#leaf): string {
    const uuid = this.#next("uuid");
    const body = {
      parentUuid: parent,
      isSidechain: false,
      type,
      message,
      uuid,
      timestamp: at,
      sessionId: "s",
    };
    this.entries.push({ body: JSON.stringify(body), atMs: 5_000 + this.#count });
    this.#leaf = uuid;
    return uuid;
  }

  #next(kind: string): string {
    return `${kind}-${(this.#count += 1)}`;
  }
}

function facts(tools: Readonly<Record<string, ToolFact>> = {}): CloserFacts {
  return { run: "5.1", tools: new Map(Object.entries(tools)) };
}

function close(entries: readonly Stored[], known = facts(), provider = "claude-code"): Body[] {
  return closersFor(provider, entries, known).map(({ body }) => JSON.parse(body) as Body);
}

function blocks(body: Body, type: string): Block[] {
  return (body.message?.content ?? []).filter((block) => block.type === type);
}

/** What a provider would refuse, or a resume would not show. */
function problems(entries: readonly Stored[]): string[] {
  const all = entries.map(({ body }) => JSON.parse(body) as Body);
  const said = all.filter(({ type }) => type === "user" || type === "assistant");
  const found: string[] = [];
  for (const id of said.flatMap((body) => blocks(body, "tool_use").map(({ id }) => id))) {
    const results = said
      .flatMap((body) => blocks(body, "tool_result"))
      .filter((block) => block.tool_use_id === id);
    if (results.length !== 1) found.push(`${id} has ${results.length} results`);
  }
  for (const [place, body] of said.entries()) {
    const [isPrompt, before] = [
      body.type === "user" && blocks(body, "tool_result").length === 0,
      said[place - 1],
    ];
    if (isPrompt && before?.type === "user") found.push(`${body.uuid} is a second user turn`);
  }
  const last = said.at(-1);
  if (last !== undefined && last.type !== "assistant")
    found.push("the next prompt would be a second user turn");
  const uuids = all.flatMap(({ uuid }) => uuid ?? []);
  if (new Set(uuids).size !== uuids.length) found.push("a uuid is there twice");
  const known = new Map(all.map((body) => [body.uuid, body]));
  const shown = new Set<string | undefined>();
  for (let next = last; next !== undefined; next = known.get(next.parentUuid ?? "")) shown.add(next.uuid);
  const prompts = said.filter((body) => blocks(body, "text").length > 0);
  for (const { uuid } of prompts) if (!shown.has(uuid)) found.push(`${uuid} is not on the way back`);
  return found;
}

/** Turns as a provider writes them, with calls at the same time whose results come in any order. */
const transcript = fc
  .array(
    fc.record({
      rounds: fc.array(
        fc.record({ calls: fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 3 }), order: fc.nat() }),
        {
          maxLength: 3,
        },
      ),
      beside: fc.boolean(),
    }),
    { maxLength: 3 },
  )
  .map((turns) => {
    const writer = new Writer();
    for (const { rounds, beside } of turns) {
      writer.prompt();
      if (beside) writer.attachment();
      for (const { calls, order } of rounds) {
        const answer = writer.say();
        const ids = calls.flatMap((count) => writer.call(answer, count));
        ids.push(...ids.splice(0, ids.length === 0 ? 0 : order % ids.length));
        for (const id of ids) writer.result(id);
        if (beside) writer.beside({ type: "mode", mode: "normal" });
      }
      writer.say();
      if (beside) writer.beside({ type: "last-prompt" });
    }
    return writer.entries;
  });

const fact: fc.Arbitrary<ToolFact> = fc.constantFrom<ToolFact>(
  "not_started",
  "outcome_unknown",
  { ok: true, value: { rows: 1 } },
  { ok: false, message: "no" },
);

describe("the closers of an interrupted transcript", () => {
  it.each(["claude-code", "scripted"])(
    "leave it valid wherever it was cut, and once is enough: %s",
    (provider) => {
      let [withCalls, withWord] = [0, 0];
      fc.assert(
        fc.property(transcript, fc.nat(), fact, (whole, cut, known) => {
          const entries = whole.slice(0, whole.length === 0 ? 0 : cut % (whole.length + 1));
          const tools = new Map(Array.from({ length: 200 }, (_, at) => [`call-${at}`, known] as const));
          const closers = closersFor(provider, entries, { run: "5.1", tools });
          checkEntries(closers);
          expect(closersFor(provider, structuredClone(entries), { run: "5.1", tools })).toEqual(closers);
          const closed = [...entries, ...closers.map(({ body, atMs }) => ({ body, atMs: atMs! }))];
          expect(problems(closed)).toEqual([]);
          expect(closersFor(provider, closed, { run: "5.1", tools })).toEqual([]);
          for (const { body, uuid } of closers) expect((JSON.parse(body) as Body).uuid).toBe(uuid);
          if (closers.length === 1) withWord += 1;
          if (closers.length > 1) withCalls += 1;
        }),
        { numRuns: 500 },
      );
      // Else the property would be true of nothing.
      expect(Math.min(withCalls, withWord)).toBeGreaterThan(20);
    },
  );

  it("are none where nothing was said, where the assistant spoke last, and for a provider that is not known", () => {
    const writer = new Writer();
    writer.beside({ type: "mode" });
    expect(close([])).toEqual([]);
    expect(close(writer.entries)).toEqual([]);
    writer.prompt();
    const asked = writer.entries.slice();
    writer.say();
    expect(close(writer.entries)).toEqual([]);
    expect(close(asked, facts(), "cursor")).toEqual([]);
    expect(close([{ body: "{", atMs: 1 }])).toEqual([]);
  });

  it("answer a lone prompt behind its attachments, so that a resume still shows these", () => {
    const writer = new Writer();
    writer.prompt();
    writer.attachment();
    const attachment = JSON.parse(writer.entries[1]!.body) as Body;
    expect(close(writer.entries)).toMatchObject([
      { type: "assistant", parentUuid: attachment.uuid, message: { model: "<synthetic>" } },
    ]);
  });

  it.each([
    ["not_started", "tool_not_started", true, /^tool_not_started: /],
    ["outcome_unknown", "tool_outcome_unknown", true, /^tool_outcome_unknown: /],
    [{ ok: true, value: "4 files" }, "tool_result", false, /^4 files$/],
    [{ ok: true, value: { files: 4 } }, "tool_result", false, /^{"files":4}$/],
    [{ ok: true, value: undefined }, "tool_result", false, /^$/],
    [{ ok: false, message: "no such file" }, "tool_result", true, /^no such file$/],
  ] as const)("say of a call what is proven, and no more: %j", (known, closer, isError, content) => {
    const writer = new Writer();
    writer.prompt();
    const [id] = writer.call("msg");
    const [result, word] = close(writer.entries, facts({ [id!]: known as ToolFact }));
    const caller = (JSON.parse(writer.entries[1]!.body) as Body).uuid;
    expect(result).toMatchObject({ type: "user", parentUuid: caller, holdfast: { closer, run: "5.1" } });
    expect(result!.message!.content).toEqual([
      { type: "tool_result", tool_use_id: id, is_error: isError, content: expect.stringMatching(content) },
    ]);
    expect(word).toMatchObject({
      type: "assistant",
      parentUuid: result!.uuid,
      sessionId: "s",
      timestamp: at,
    });
  });

  it("say of a call that nothing is known of that its outcome is unknown", () => {
    const writer = new Writer();
    writer.call("msg");
    expect(close(writer.entries)[0]).toMatchObject({ holdfast: { closer: "tool_outcome_unknown" } });
  });

  it("keep what was said after an open call on the way back from the last word", () => {
    for (const later of ["prompt", "say"] as const) {
      const writer = new Writer();
      writer.prompt();
      writer.call("msg-old");
      writer[later]();
      const closers = closersFor("claude-code", writer.entries, facts());
      expect(closers).toHaveLength(2);
      const closed = [...writer.entries, ...closers.map(({ body }) => ({ body, atMs: 1 }))];
      expect(problems(closed)).toEqual([]);
    }
  });

  it("take their time from what is durable, and stand in the log where that stands", () => {
    const [body] = ['{"type":"user","message":{}}'];
    const [closer] = closersFor("scripted", [{ body, atMs: 86_400_000 }], facts());
    expect(JSON.parse(closer!.body)).toMatchObject({
      timestamp: "1970-01-02T00:00:00.000Z",
      parentUuid: null,
    });
    expect(closer!.atMs).toBe(86_400_000);
    const latest = closersFor("scripted", [{ body, atMs: Number.MAX_SAFE_INTEGER }], facts());
    expect(latest).toHaveLength(1);
  });

  it("differ between runs, and between places of one run, also where entries have no uuid", () => {
    const entries = ["c1", "c2"].map((id) => {
      const message = { content: [{ type: "tool_use", id }] };
      return { body: JSON.stringify({ type: "assistant", message }), atMs: 1 };
    });
    const uuids = ["5.1", "5.2"].flatMap((run) =>
      closersFor("scripted", entries, { ...facts(), run }).map(({ uuid }) => uuid),
    );
    expect(uuids).toHaveLength(6);
    expect(new Set(uuids).size).toBe(6);
  });

  it("have the bytes that they had in every release: another process may have to make them again", () => {
    const writer = new Writer();
    writer.prompt();
    writer.call("msg", 2);
    const bodies = closersFor("claude-code", writer.entries, facts({ "call-2": "not_started" }));
    expect(bodies.map(({ body }) => body).join("\n")).toMatchInlineSnapshot(`
      "{"parentUuid":"uuid-4","isSidechain":false,"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"call-2","content":"tool_not_started: the run was interrupted before this tool was started.","is_error":true}]},"uuid":"20290a4f-06e2-832c-994c-c2d235023bb7","timestamp":"2026-01-02T10:00:00.000Z","sessionId":"s","holdfast":{"closer":"tool_not_started","run":"5.1"}}
      {"parentUuid":"uuid-4","isSidechain":false,"type":"user","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"call-3","content":"tool_outcome_unknown: the run was interrupted, and whether this tool took effect is not known.","is_error":true}]},"uuid":"e54adf9b-9cca-8491-b3da-c5279401e7fe","timestamp":"2026-01-02T10:00:00.000Z","sessionId":"s","holdfast":{"closer":"tool_outcome_unknown","run":"5.1"}}
      {"parentUuid":"e54adf9b-9cca-8491-b3da-c5279401e7fe","isSidechain":false,"type":"assistant","message":{"id":"24cb0166-a45e-8008-8f23-3cd370ec0878","type":"message","role":"assistant","model":"<synthetic>","content":[{"type":"text","text":"The run was interrupted here, before it was finished."}],"stop_reason":"stop_sequence","stop_sequence":"","usage":{"input_tokens":0,"output_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0}},"uuid":"3157941e-a662-81a7-8ac8-e3e4967dab9d","timestamp":"2026-01-02T10:00:00.000Z","sessionId":"s","holdfast":{"closer":"interrupted","run":"5.1"}}"
    `);
  });
});

describe("what the journal tells of tool calls", () => {
  const call = (id: string, part: object = {}): RunEvent => ({
    type: "tool_call",
    call: id,
    name: "x",
    ...part,
  });
  const record = (type: StepRecord["type"], part: object = {}): string =>
    stepEntry({
      name: "x",
      key: "k",
      effect: "unsafe",
      run: "5.1",
      type,
      message: "no",
      ...part,
    } as StepRecord).body;
  const factOf = (event: RunEvent, ...steps: string[]): ToolFact | undefined =>
    toolFacts([event], withSteps(emptyJournal, steps)).get("c");

  it("is that a call with a step was not started before the journal says so", () => {
    expect(factOf(call("c", { step: "k" }))).toBe("not_started");
    expect(factOf(call("c", { step: "k" }), record("started", { key: "other" }))).toBe("not_started");
    expect(factOf(call("c", { step: "k" }), "{")).toBe("outcome_unknown");
  });

  it("is what the step with its key tells, where the agent names the tool otherwise than the model", () => {
    const alias = call("c", { step: "k", name: "y" });
    expect(factOf(alias, record("started"))).toBe("outcome_unknown");
    expect(factOf(alias, record("started"), record("failed", { name: "y" }))).toEqual({
      ok: false,
      message: "no",
    });
  });

  it("is the result that was recorded, or that there is none", () => {
    const journaled = call("c", { step: "k" });
    expect(factOf(journaled, record("started"))).toBe("outcome_unknown");
    expect(factOf(journaled, record("started"), record("result", { value: 7 }))).toEqual({
      ok: true,
      value: 7,
    });
    expect(factOf(journaled, record("failed"))).toEqual({ ok: false, message: "no" });
  });

  it("is nothing of a call without a step, of one that was shown again, and of what is no call", () => {
    expect(factOf(call("c"), record("result"))).toBeUndefined();
    expect(factOf(call("c", { step: "k", replayed: true }), record("result"))).toBeUndefined();
    expect(factOf({ type: "tool_progress", call: "c", text: "" })).toBeUndefined();
  });
});
