import { setTimeout as sleep } from "node:timers/promises";
import { type Agent, type AgentStep, promptOf, type StepCall, type Turn } from "../../core/agent.ts";
import { type Clock, systemClock } from "../../core/clock.ts";
import { derivedUuid } from "../../core/derived-uuid.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { LiveEvent, ResultEvent } from "../../core/event.ts";
import type { SessionKey } from "../../core/ids.ts";
import { noTokens, usageKey } from "../../core/usage.ts";
import { parseScript, type Verb } from "./script.ts";
import { lastUuid, TranscriptWriter, type Written } from "./transcript-writer.ts";

/** What stands in for the world around the agent. */
export interface ScriptedAgentOptions {
  readonly clock?: Clock;
  /** Rejects when the signal aborts. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** What `crash` does; default is SIGKILL to this process. */
  readonly crash?: () => void | Promise<void>;
  /** What a tool does once its time is over, and what it gives back; default is a word that it is done. */
  readonly tool?: (call: ScriptedToolCall) => Promise<string>;
}

export interface ScriptedToolCall extends StepCall {
  readonly session: SessionKey;
  readonly name: string;
  readonly signal: AbortSignal;
}

/** A deterministic agent that does what its prompt says, verb by verb; see {@link parseScript}. */
export function scriptedAgent(options: ScriptedAgentOptions = {}): Agent {
  return {
    name: "scripted",
    provider: "scripted",
    capabilities: { resume: true, fork: false, nativeHistory: false, usage: true, partialText: false },
    run: (turn) => play(turn, options),
  };
}

type Steps = AsyncGenerator<AgentStep, void, undefined>;

async function* play(turn: Turn, options: ScriptedAgentOptions): Steps {
  turn.signal.throwIfAborted();
  const parent = await lastUuid(turn);
  turn.signal.throwIfAborted();
  const writer = new TranscriptWriter({ turn, clock: options.clock ?? systemClock, parent });
  const prompt = promptOf(turn.input);
  yield eventStep({
    type: "status",
    status: "started",
    resume: turn.resume ?? derivedUuid("resume", turn.run),
  });
  yield* shown(writer.prompt(prompt), (entry) => ({ type: "user", text: prompt, entry }));
  for (const [place, verb] of parseScript(prompt).entries()) {
    // The model would be called here.
    turn.signal.throwIfAborted();
    const scene: Scene = { turn, writer, options, place };
    if (verb.verb === "crash") return await crash(scene);
    if (verb.verb === "fail") return yield* fail(scene, verb.message);
    yield* perform(scene, verb);
  }
  if (writer.isOpen) yield* say(writer, "Done.");
  yield result(turn, { ok: true, text: writer.lastText, stop: "end_turn" });
}

interface Scene {
  readonly turn: Turn;
  readonly writer: TranscriptWriter;
  readonly options: ScriptedAgentOptions;
  /** Of the verb in its prompt: the same in every attempt. */
  readonly place: number;
}

async function crash({ turn, options }: Scene): Promise<void> {
  await turn.flush();
  await (options.crash ?? killThisProcess)();
}

function killThisProcess(): void {
  process.kill(process.pid, "SIGKILL");
}

async function* fail({ turn, writer }: Scene, message: string): Steps {
  yield* say(writer, message);
  yield eventStep({ type: "error", message });
  yield result(turn, { ok: false, text: message, stop: "error" });
}

function result({ signal }: Turn, fields: Pick<ResultEvent, "ok" | "text" | "stop">): AgentStep {
  signal.throwIfAborted();
  return eventStep({ type: "result", ...fields });
}

async function* perform(scene: Scene, verb: Exclude<Verb, { verb: "crash" | "fail" }>): Steps {
  const { turn, writer, options } = scene;
  if (verb.verb === "say") return yield* say(writer, verb.text);
  if (verb.verb === "tool") return yield* useTool(scene, verb);
  if (verb.verb === "slow") {
    yield eventStep({ type: "status", status: "waiting" });
    return await waitFor(turn, verb.ms, options);
  }
  const { input, output } = verb;
  const ids = { messageId: writer.nextId(`usage ${scene.place}`), lineage: turn.session.session };
  const key = usageKey({ ...ids, contentHash: "" });
  yield eventStep({ type: "usage", key, model: "scripted", tokens: { ...noTokens, input, output } });
}

async function* say(writer: TranscriptWriter, text: string): Steps {
  yield* shown(writer.say(text), (entry) => ({ type: "assistant", text, entry }));
}

async function* useTool(scene: Scene, tool: Extract<Verb, { verb: "tool" }>): Steps {
  const { turn, writer, place } = scene;
  const { name, ms } = tool;
  const call = `toolu_${writer.nextId("tool")}`;
  const step = `${turn.input.id}/${place}`;
  const { uuid, step: entry } = writer.toolUse({ call, name, input: { ms } });
  // First the event: it names the journal's step, without which a call in the transcript counts as perhaps started.
  yield eventStep({ type: "tool_call", call, name, input: { ms }, step, entry: uuid });
  yield entry;
  const { ok, text } = await outcomeOf(scene, tool, step);
  yield* shown(writer.toolResult({ call, text, ok }), (result) => {
    return { type: "tool_summary", call, ok, text, entry: result };
  });
}

async function outcomeOf(
  { turn, options }: Scene,
  { name, effect, ms }: Extract<Verb, { verb: "tool" }>,
  key: string,
): Promise<{ readonly ok: boolean; readonly text: string }> {
  const { session, signal } = turn;
  try {
    const text = await turn.journal.step(name, key, effect, async (call) => {
      await waitFor(turn, ms, options);
      return await (options.tool ?? done)({ ...call, session, name, signal });
    });
    return { ok: true, text };
  } catch (error) {
    signal.throwIfAborted();
    if (isHoldfastError(error)) throw error;
    return { ok: false, text: error instanceof Error ? error.message : String(error) };
  }
}

function done({ name }: ScriptedToolCall): Promise<string> {
  return Promise.resolve(`${name} is done.`);
}

async function waitFor(
  { signal }: Turn,
  ms: number,
  { wait = waitOnClock }: ScriptedAgentOptions,
): Promise<void> {
  try {
    await wait(ms, signal);
  } finally {
    // A timer's own error says less than the reason why the turn ends.
    signal.throwIfAborted();
  }
}

async function waitOnClock(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal });
}

function* shown({ uuid, step }: Written, eventOf: (entry: string) => LiveEvent): Generator<AgentStep> {
  yield step;
  yield eventStep(eventOf(uuid));
}

function eventStep(event: LiveEvent): AgentStep {
  return { kind: "event", event };
}
