import type { Agent, AgentStep, Turn } from "../../../core/agent.ts";
import type { LiveEvent, RunEvent } from "../../../core/event.ts";
import { type Breaks, events, type Sabotage, steps, turns } from "./breaks.ts";

/** Agents that go on wrongly, or not at all. */
export const resumeBreaks: Breaks = {
  "gives no token": ["resume", events("status", ({ resume: _, ...status }) => [status])],
  "gives a token although it says that it gives none": [
    "resume",
    (agent) => ({ capabilities: { ...agent.capabilities, resume: false } }),
  ],
  "forgets the first turn": ["resume", turns((turn) => ({ ...turn, recent: async () => [] }))],
  "forgets all but the turn before": ["resume", forgetful()],
};

/** From the second turn on it goes on from a copy of the prompt before, which is the first of what it knows. */
function forgetful(): Sabotage {
  let count = 0;
  return (agent) => ({
    run: (turn) => agent.run((count += 1) > 2 ? { ...turn, recent: async () => [] } : turn),
  });
}

export const sessionBreaks: Breaks = {
  "shows one session's answer in all": ["sessions", mixed()],
  "keeps one session's entries in all": ["sessions", mixedEntries()],
};

function mixed(): Sabotage {
  const shown: LiveEvent[] = [];
  return events("tool_call", (event) => {
    shown.push(event);
    return [{ ...event, input: shown }];
  });
}

function mixedEntries(): Sabotage {
  const kept: AgentStep[] = [];
  return steps((step) => {
    if (step.kind !== "entry") return [step];
    kept.push(step);
    return [...kept];
  });
}

export const failureBreaks: Breaks = {
  "throws where the model fails": [
    "failures",
    events("error", ({ message }) => {
      throw new Error(message);
    }),
  ],
  "says that a failed turn went well": ["failures", events("result", (result) => [{ ...result, ok: true }])],
  "does not say why": ["failures", events("result", (result) => [{ ...result, text: "" }])],
  "fails in each turn behind a failed one": ["failures", brokenForGood()],
};

function brokenForGood(): Sabotage {
  let isBroken = false;
  return events("result", (result) => {
    isBroken ||= !result.ok;
    return [isBroken ? { ...result, ok: false } : result];
  });
}

export const abortBreaks: Breaks = {
  "does not hear the signal": ["abort", turns((turn) => ({ ...turn, signal: new AbortController().signal }))],
  "throws an error of its own": [
    "abort",
    rethrowing(() => {
      throw new Error("It was stopped.");
    }),
  ],
  "shows a failed result when it is stopped": [
    "abort",
    rethrowing(() => ({ type: "result", ok: false, text: "stopped" })),
  ],
  "works though it is stopped before it began": [
    "abort",
    turns((turn) => (turn.signal.aborted ? { ...turn, signal: new AbortController().signal } : turn)),
  ],
  "cannot go on after a stop": ["abort", stoppedForGood()],
};

/** An agent that answers a stop otherwise than by its reason. */
function rethrowing(answer: () => LiveEvent): Sabotage {
  return (agent) => ({
    async *run(turn) {
      try {
        yield* agent.run(turn);
      } catch (error) {
        if (!turn.signal.aborted) throw error;
        yield { kind: "event", event: answer() };
      }
    },
  });
}

function stoppedForGood(): Sabotage {
  let isStopped = false;
  return (agent) => ({
    async *run(turn: Turn) {
      turn.signal.addEventListener("abort", () => (isStopped = true));
      for await (const step of agent.run(turn)) yield isStopped && isResult(step) ? failedResult : step;
    },
  });
}

function isResult(step: AgentStep): boolean {
  return step.kind === "event" && step.event.type === "result";
}

const failedResult: AgentStep = { kind: "event", event: { type: "result", ok: false, text: "stopped" } };

export const historyBreaks: Breaks = {
  "says that it has a history and gives none": ["native history", without("history")],
  "gives a history that it does not speak of": [
    "native history",
    (agent) => ({ capabilities: { ...agent.capabilities, nativeHistory: false } }),
  ],
  "tells another history each time": ["native history", growing()],
  "leaves the tools out of its history": [
    "native history",
    (agent) => ({
      async *history(params) {
        for await (const event of agent.history!(params)) if (event.type !== "tool_call") yield event;
      },
    }),
  ],
  "tells what is no event": [
    "native history",
    (agent) => ({
      async *history(params) {
        for await (const event of agent.history!(params)) yield event;
        yield { type: "assistant" } as unknown as RunEvent;
      },
    }),
  ],
  "writes when its history is read": ["native history", writing()],
};

function without(name: keyof Agent): Sabotage {
  return () => ({ [name]: null }) as unknown as Partial<Agent>;
}

function growing(): Sabotage {
  let count = 0;
  return (agent) => ({
    async *history(params) {
      yield* agent.history!(params);
      yield { type: "notice", text: `${(count += 1)}` };
    },
  });
}

function writing(): Sabotage {
  let store: Turn["store"];
  return (agent) => ({
    run: (turn) => {
      ({ store } = turn);
      return agent.run(turn);
    },
    async *history(params) {
      await store.append({ log: { ...params.session, log: "" }, entries: [{ body: '{"read":true}' }] });
      yield* agent.history!(params);
    },
  });
}

export const processBreaks: Breaks = {
  "tells of no process": ["leftovers", () => ({ leftovers: async () => [] })],
  "tells of each process that ever was": [
    "leftovers",
    () => ({
      leftovers: async (all) =>
        all.flatMap((event) =>
          event.type === "status" && event.process !== undefined
            ? [{ pid: event.process.pid, about: "" }]
            : [],
        ),
    }),
  ],
  "knows a process by its number alone": [
    "leftovers",
    (agent) => ({
      leftovers: async (all) =>
        await agent.leftovers!(
          all.map((event) =>
            event.type === "status" && event.process !== undefined
              ? { ...event, process: { ...event.process, started: `${event.process.pid}`, host: "here" } }
              : event,
          ),
        ),
    }),
  ],
  "closes nothing": ["close", () => ({ close: async () => {} })],
  "cannot be closed twice": ["close", closingOnce()],
};

function closingOnce(): Sabotage {
  let isClosed = false;
  return (agent) => ({
    close: async () => {
      if (isClosed) throw new Error("It is closed.");
      isClosed = true;
      await agent.close?.();
    },
  });
}
