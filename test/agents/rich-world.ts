import type { Agent, AgentStep, Turn } from "../../src/core/agent.ts";
import type { ProcessIdentity, RunEvent } from "../../src/core/event.ts";
import { readEvent } from "../../src/core/event.ts";
import { objectIn } from "../../src/core/json.ts";
import { eventLog } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import { ScriptedWorld } from "./scripted-world.ts";

/** A world whose agent has every capability: it answers in pieces, has a history, and keeps processes. */
export class RichWorld extends ScriptedWorld {
  /** The processes that live. */
  readonly #living = new Map<number, ProcessIdentity>();
  #started = 0;

  override start(): Agent {
    const agent = super.start();
    const { store } = this;
    const living = this.#living;
    const own = new Map<string, number>();
    const identityOf = (session: string): ProcessIdentity | undefined => {
      if (own.has(session)) return undefined;
      const pid = (this.#started += 1);
      const identity = { pid, started: `${pid}`, host: "here" };
      own.set(session, pid);
      living.set(pid, identity);
      return identity;
    };
    return {
      ...agent,
      capabilities: { ...agent.capabilities, nativeHistory: true, partialText: true },
      async *run(turn: Turn) {
        for await (const step of agent.run(turn)) {
          const process = identityOf(turn.session.session);
          if (process !== undefined)
            yield { kind: "event", event: { type: "status", status: "process_started", process } } as const;
          yield* inPieces(step);
        }
      },
      history: ({ session }) => lastRunOf(store, session),
      eventsOf: (bodies) => bodies.flatMap(toldBy),
      leftovers: async (events) =>
        events.flatMap((event) => {
          const { pid, started, host } = (event.type === "status" ? event.process : undefined) ?? { pid: 0 };
          const isAlive = living.get(pid)?.started === started && host === "here";
          return isAlive && ![...own.values()].includes(pid) ? [{ pid, about: "a process" }] : [];
        }),
      close: async () => {
        for (const pid of own.values()) living.delete(pid);
      },
    };
  }

  async processes(): Promise<number> {
    return this.#living.size;
  }
}

function* inPieces(step: AgentStep): Generator<AgentStep> {
  if (step.kind === "event" && step.event.type === "assistant") {
    const { text } = step.event;
    for (const piece of [text.slice(0, 3), text.slice(3)])
      yield { kind: "event", event: { type: "assistant", text: piece, partial: true } };
  }
  yield step;
}

async function* lastRunOf(
  store: Store,
  session: { readonly project: string; readonly session: string },
): AsyncGenerator<RunEvent> {
  const [run] = (await store.runs({ session, limit: 1 })).runs;
  const { entries } = await store.read({ log: { ...session, log: eventLog(run!.id) } });
  for (const { body } of entries) {
    const read = readEvent(body);
    if ("event" in read) yield read.event;
  }
}

/** The events that an entry of the scripted agent's transcript tells. */
function toldBy(body: string): RunEvent[] {
  const { type, uuid, message } = (objectIn(body) ?? {}) as unknown as ScriptedEntry;
  return (message?.content ?? []).map((block): RunEvent => {
    if (block.type === "tool_use")
      return { type: "tool_call", call: block.id, name: block.name, entry: uuid };
    if (block.type === "tool_result")
      return {
        type: "tool_summary",
        call: block.tool_use_id,
        ok: block.is_error !== true,
        text: block.content,
        entry: uuid,
      };
    return { type, text: block.text, entry: uuid };
  });
}

interface ScriptedEntry {
  readonly type: "user" | "assistant";
  readonly uuid: string;
  readonly message?: {
    readonly content: readonly (
      | { readonly type: "text"; readonly text: string }
      | { readonly type: "tool_use"; readonly id: string; readonly name: string }
      | {
          readonly type: "tool_result";
          readonly tool_use_id: string;
          readonly is_error?: boolean;
          readonly content: string;
        }
    )[];
  };
}
