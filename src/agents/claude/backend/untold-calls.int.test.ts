import { describe, expect, it } from "vitest";
import { play } from "../../../../test/agents/past-run.ts";
import { eventEntry, type LiveEvent } from "../../../core/event.ts";
import type { Claim } from "../../../core/run.ts";
import { stepEntry, stepLog } from "../../../core/steps.ts";
import type { Store } from "../../../core/store.ts";
import { openCalls, readTranscript } from "../../../core/transcript.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { readPast } from "./past-runs.ts";
import { hasConversation, tellUntoldCalls } from "./untold-calls.ts";

const session = { project: "p", session: "s" };
const main = { ...session, log: "" };
const fold = () => ({ summary: null, title: null });

/** What an interrupted run has left: these events, the starts and ends of these steps, and these entries. */
interface Left {
  readonly events: readonly LiveEvent[];
  readonly steps?: readonly ("started" | "result")[];
  readonly entries: readonly object[];
}

const started: LiveEvent = {
  type: "status",
  status: "process_started",
  process: { pid: 1, started: "1", host: "h" },
};
const prompt = { type: "user", uuid: "u1", parentUuid: null, message: { role: "user", content: "Do it." } };
const call: LiveEvent = {
  type: "tool_call",
  call: "t1",
  name: "Bash",
  input: { command: "x" },
  step: "t1",
  entry: "a1",
};
const made = {
  type: "assistant",
  uuid: "a1",
  parentUuid: "u1",
  message: {
    role: "assistant",
    id: "m1",
    content: [{ type: "tool_use", id: "t1", name: "Bash", input: {} }],
  },
};

async function leave(store: Store, { events, steps = [], entries }: Left): Promise<Claim> {
  await store.admit({ session, key: "k", body: "{}", provider: "claude-code" });
  const claim = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
  const { id, input } = claim.run;
  const log = (name: string) => ({ ...session, log: name });
  const run = { fence: claim.lease, run: id };
  await store.append({
    log: main,
    entries: entries.map((entry) => ({ body: JSON.stringify(entry) })),
    ...run,
  });
  await store.append({
    log: log(`@run/${id}`),
    entries: [started, ...events].map((event) => eventEntry({ run: id, event })),
    ...run,
  });
  const step = { name: "Bash", key: "t1", effect: "query", run: id } as const;
  for (const type of steps)
    await store.append({
      log: log(stepLog(input)),
      entries: [stepEntry(type === "result" ? { ...step, type, value: "done" } : { ...step, type })],
      fence: claim.lease,
    });
  const { parts } = await store.tail({ run: id });
  await store.endRun({
    session,
    run: id,
    epoch: claim.lease.epoch,
    as: "interrupted",
    parts,
    reason: "x",
    actor: "w",
  });
  return claim;
}

async function tell(store: Store): Promise<readonly string[]> {
  const turn = { session, run: "next", store };
  const { interrupted } = await readPast(turn);
  await tellUntoldCalls({ turn, fold, interrupted });
  const { entries } = await store.read({ log: main });
  return entries.map(({ body }) => body);
}

function resultIn(bodies: readonly string[]): unknown {
  const entry = bodies.map((body) => JSON.parse(body) as { message: { content: unknown } });
  const blocks = entry.flatMap(({ message }) =>
    Array.isArray(message.content) ? (message.content as object[]) : [],
  );
  return blocks.find((block) => "tool_use_id" in block);
}

describe("a conversation to resume", () => {
  it.each([
    ["is none where the agent was killed before it wrote a line", [], false],
    ["is none where it wrote of itself alone", [{ type: "mode", mode: "default" }], false],
    ["is there from the first prompt on", [prompt], true],
  ])("%s", async (_, entries, expected) => {
    const store = openMemoryStore();
    const named: LiveEvent = { type: "status", status: "started", resume: "s-1" };
    await leave(store, { events: [named], entries });
    expect(await hasConversation({ session, store })).toBe(expected);
  });
});

describe("calls that a killed agent had begun", () => {
  it.each([
    [
      "whose outcome nobody knows",
      ["started"],
      { is_error: true, content: expect.stringMatching(/^tool_outcome_unknown/) },
    ],
    ["that had a result", ["started", "result"], { is_error: false, content: "done" }],
  ] as const)("are told to the model where no transcript has them: one %s", async (_, steps, result) => {
    const store = openMemoryStore();
    await leave(store, { events: [call], steps, entries: [prompt] });
    const bodies = await tell(store);
    const told = readTranscript("claude-code", bodies);
    expect(told.said.map(({ role }) => role)).toEqual(["user", "assistant", "user", "assistant"]);
    expect(told.said[1]).toMatchObject({ uuid: "a1", toolCalls: ["t1"], fields: { parentUuid: "u1" } });
    expect(openCalls(told)).toEqual([]);
    expect(resultIn(bodies)).toMatchObject({ tool_use_id: "t1", ...result });
    expect(await tell(store)).toEqual(bodies);
  });

  it("are told behind the prompt where the agent was killed before it wrote a line", async () => {
    const store = openMemoryStore();
    const asked: LiveEvent = { type: "user", text: "Do it.", entry: "u1" };
    const named: LiveEvent = { type: "status", status: "started", resume: "s-1", settings: { cwd: "/w" } };
    await leave(store, { events: [asked, named, call], steps: ["started"], entries: [] });
    const bodies = await tell(store);
    const { said } = readTranscript("claude-code", bodies);
    const fields = { sessionId: "s-1", cwd: "/w" };
    expect(said).toMatchObject([
      { role: "user", uuid: "u1", fields: { ...fields, parentUuid: null, message: { content: "Do it." } } },
      { role: "assistant", uuid: "a1", toolCalls: ["t1"], fields: { ...fields, parentUuid: "u1" } },
      { role: "user", toolResults: ["t1"] },
      { role: "assistant" },
    ]);
    expect(await tell(store)).toEqual(bodies);
  });

  it("are told though a run that started no process was committed behind theirs", async () => {
    const store = openMemoryStore();
    await leave(store, { events: [call], steps: ["started"], entries: [prompt] });
    await store.cancel({ session, input: (await store.inputs({}))[0]!.id, actor: "ops", reason: "" });
    await play({ store, session, events: [{ type: "result", ok: false, text: "" }], as: "committed" });
    const bodies = await tell(store);
    expect(readTranscript("claude-code", bodies).said[1]).toMatchObject({ toolCalls: ["t1"] });
  });

  it("are closed where the transcript has them, and the rescue left them open", async () => {
    const store = openMemoryStore();
    await leave(store, { events: [], steps: ["started"], entries: [prompt, made] });
    const bodies = await tell(store);
    expect(openCalls(readTranscript("claude-code", bodies))).toEqual([]);
    expect(bodies.slice(0, 2)).toEqual([prompt, made].map((entry) => JSON.stringify(entry)));
    expect(await tell(store)).toEqual(bodies);
  });

  it.each([
    ["were never begun", { events: [call], entries: [prompt] }],
    ["are a subagent's", { events: [{ ...call, parent: "t0" }], steps: ["started"], entries: [prompt] }],
    ["are nobody's, for there are none", { events: [], entries: [prompt] }],
    [
      "belong to a session in which nothing was said, and of which nobody knows its name",
      { events: [call], steps: ["started"], entries: [{ type: "mode" }] },
    ],
  ] as const)("are not told where they %s", async (_, left) => {
    const store = openMemoryStore();
    await leave(store, left as Left);
    expect(await tell(store)).toEqual(left.entries.map((entry) => JSON.stringify(entry)));
  });

  it("are not told of a run that was put aside, nor of what came before it", async () => {
    const store = openMemoryStore();
    await leave(store, { events: [call], steps: ["started"], entries: [prompt] });
    const claim = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
    const end = { session, run: claim.run.id, epoch: claim.lease.epoch, parts: [], reason: "x", actor: "w" };
    await store.endRun({ ...end, as: "discarded" });
    expect(await tell(store)).toEqual([JSON.stringify(prompt)]);
  });
});
