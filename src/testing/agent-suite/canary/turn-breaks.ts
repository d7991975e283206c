import type { AgentStep } from "../../../core/agent.ts";
import type { LiveEvent } from "../../../core/event.ts";
import { type Breaks, events, noJournal, steps, turns } from "./breaks.ts";

const notice: AgentStep = { kind: "event", event: { type: "notice", text: "one more" } };

/** Agents that show or keep a turn wrongly. */
export const eventBreaks: Breaks = {
  "shows no prompt": ["events", events("user", () => [])],
  "shows no answer": ["events", events("assistant", () => [])],
  "says another result than its answer": ["events", events("result", (result) => [{ ...result, text: "" }])],
  "ends without a result": ["events", events("result", () => [])],
  "ends twice": ["events", events("result", (result) => [result, result])],
  "goes on after its result": [
    "events",
    steps((step) => (step.kind === "event" && step.event.type === "result" ? [step, notice] : [step])),
  ],
  "shows the answer before the prompt": [
    "events",
    (agent) => ({
      async *run(turn) {
        const all: AgentStep[] = [];
        for await (const step of agent.run(turn)) all.push(step);
        const at = all.findIndex((step) => step.kind === "event" && step.event.type === "user");
        const [user] = all.splice(at, 1);
        yield* [...all.slice(0, -1), user!, ...all.slice(-1)];
      },
    }),
  ],
  "gives what is no event": ["events", events("assistant", () => [{ type: "assistant" }])],
  "marks what happens now as replayed": [
    "events",
    events("assistant", (event) => [{ ...event, replayed: true }]),
  ],
  "shows the first turn again in the second": ["events", shownAgain()],
};

function shownAgain(): Breaks[string][1] {
  const shown: LiveEvent[] = [];
  return events("assistant", (event) => {
    const all = [...shown, event];
    shown.push(event);
    return all;
  });
}

export const entryBreaks: Breaks = {
  "keeps nothing": ["entries", steps((step) => (step.kind === "entry" ? [] : [step]))],
  "gives two entries one uuid": [
    "entries",
    steps((step) =>
      step.kind === "entry" ? [{ ...step, entry: { ...step.entry, uuid: "the same" } }] : [step],
    ),
  ],
  "gives an entry again with other bytes": [
    "entries",
    steps((step) =>
      step.kind === "entry" ? [step, { ...step, entry: { ...step.entry, body: '{"other":1}' } }] : [step],
    ),
  ],
  "names no entry": [
    "entries",
    steps((step) => (step.kind === "entry" ? [{ ...step, entry: { body: step.entry.body } }] : [step])),
  ],
  "names an entry that is nowhere": [
    "entries",
    events("assistant", (event) => [event.partial ? event : { ...event, entry: "nowhere" }]),
  ],
  "tells less by its transcript than it gave": [
    "entries",
    (agent) => ({ eventsOf: (bodies) => agent.eventsOf!(bodies).filter(({ type }) => type !== "tool_call") }),
  ],
  "cannot read a damaged transcript": [
    "entries",
    (agent) => ({
      eventsOf: (bodies) => (bodies.forEach((body) => JSON.parse(body) as unknown), agent.eventsOf!(bodies)),
    }),
  ],
};

export const textBreaks: Breaks = {
  "loses a piece": ["partial text", lossy()],
  "gives no pieces although it says so": [
    "partial text",
    events("assistant", (event) => (event.partial ? [] : [event])),
  ],
  "gives pieces although it says that it gives none": [
    "partial text",
    (agent) => ({ capabilities: { ...agent.capabilities, partialText: false } }),
  ],
  "never gives the whole": ["partial text", events("assistant", (event) => (event.partial ? [event] : []))],
  "gives its result in pieces": [
    "partial text",
    events("result", (result) => [{ ...result, partial: true }]),
  ],
};

function lossy(): Breaks[string][1] {
  let count = 0;
  return events("assistant", (event) => (event.partial && (count += 1) % 2 === 0 ? [] : [event]));
}

export const toolBreaks: Breaks = {
  "tells no summary": ["tools", events("tool_summary", () => [])],
  "tells a summary twice": ["tools", events("tool_summary", (summary) => [summary, summary])],
  "tells the summary of another call": [
    "tools",
    events("tool_summary", (summary) => [{ ...summary, call: "another" }]),
  ],
  "tells a summary before its call": [
    "tools",
    events("tool_call", (call) => [{ type: "tool_summary", call: call.call, ok: true, text: "" }, call]),
  ],
  "tells no call": ["tools", events("tool_call", () => [])],
  "names no step": ["tools", events("tool_call", ({ step: _, ...call }) => [call])],
  "names its step by another key": ["tools", events("tool_call", (call) => [{ ...call, step: "another" }])],
  "names its step by another name": ["tools", events("tool_call", (call) => [{ ...call, name: "another" }])],
  "does not journal": ["tools", turns((turn) => ({ ...turn, journal: noJournal }))],
  "journals what it has done already": [
    "tools",
    turns((turn) => ({
      ...turn,
      journal: {
        step: async (name, key, effect, fn) => {
          const value = await fn({ key, ask: false });
          return await turn.journal.step(name, key, effect, async () => value);
        },
      },
    })),
  ],
  "goes on where the journal refuses": [
    "tools",
    turns((turn) => ({
      ...turn,
      journal: {
        step: async (name, key, effect, fn) => {
          try {
            return await turn.journal.step(name, key, effect, fn);
          } catch {
            return "nothing" as never;
          }
        },
      },
    })),
  ],
  "journals its steps by the run": [
    "tools",
    turns((turn) => ({
      ...turn,
      journal: {
        step: (name, key, effect, fn) => turn.journal.step(name, `${turn.run} ${key}`, effect, fn),
      },
    })),
  ],
};

export const usageBreaks: Breaks = {
  "tells no usage": ["usage", events("usage", () => [])],
  "tells usage although it says that it does not": [
    "usage",
    (agent) => ({ capabilities: { ...agent.capabilities, usage: false } }),
  ],
  "tells a response twice": ["usage", events("usage", (usage) => [usage, usage])],
  "tells a response by two keys": [
    "usage",
    events("usage", (usage) => [usage, { ...usage, key: `${usage.key} again` }]),
  ],
  "tells all responses by one key": ["usage", events("usage", (usage) => [{ ...usage, key: "one" }])],
  "tells a later turn's response by the key of the first": ["usage", firstKey()],
};

function firstKey(): Breaks[string][1] {
  const keys: string[] = [];
  return events("usage", (usage) => {
    keys.push(usage.key);
    return [{ ...usage, key: keys.length > 2 ? keys[0]! : usage.key }];
  });
}
