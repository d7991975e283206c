import type { AgentStep, Turn } from "../../core/agent.ts";
import type { Clock } from "../../core/clock.ts";
import { derivedUuid } from "../../core/derived-uuid.ts";
import { objectIn, textOf } from "../../core/json.ts";

/** An entry for the main log, with the uuid that events name it by. */
export interface Written {
  readonly uuid: string;
  readonly step: AgentStep;
}

export interface ToolUse {
  readonly call: string;
  readonly name: string;
  readonly input: Readonly<Record<string, unknown>>;
}

export interface ToolResult {
  readonly call: string;
  readonly text: string;
  readonly ok: boolean;
}

/** Makes a transcript in the shape of Claude's, each entry after the one before; ids come of the run and of what they follow. */
export class TranscriptWriter {
  readonly #turn: Pick<Turn, "session" | "run">;
  readonly #clock: Clock;
  #parent: string | undefined;
  #lastRole: "user" | "assistant" = "assistant";
  #lastText = "";

  constructor(params: {
    readonly turn: Pick<Turn, "session" | "run">;
    readonly clock: Clock;
    readonly parent: string | undefined;
  }) {
    this.#turn = params.turn;
    this.#clock = params.clock;
    this.#parent = params.parent;
  }

  /** Whether the transcript waits for the assistant's word. */
  get isOpen(): boolean {
    return this.#lastRole === "user";
  }

  /** What the assistant said last. */
  get lastText(): string {
    return this.#lastText;
  }

  /** An id for what comes next, the same in every process; of one kind there is one until an entry is written. */
  nextId(kind: string): string {
    const { session, run } = this.#turn;
    const before = this.#parent ?? `${session.project}\n${session.session}`;
    return derivedUuid("scripted", kind, run, before);
  }

  prompt(text: string): Written {
    return this.#write("user", { role: "user", content: [{ type: "text", text }] });
  }

  say(text: string): Written {
    this.#lastText = text;
    return this.#answer({ type: "text", text }, "end_turn");
  }

  toolUse({ call, name, input }: ToolUse): Written {
    return this.#answer({ type: "tool_use", id: call, name, input }, "tool_use");
  }

  toolResult({ call, text, ok }: ToolResult): Written {
    const block = { type: "tool_result", tool_use_id: call, content: text, is_error: !ok };
    return this.#write("user", { role: "user", content: [block] });
  }

  #answer(block: object, stop: string): Written {
    const id = `msg_${this.nextId("message")}`;
    const message = { id, type: "message", role: "assistant", model: "scripted", content: [block] };
    return this.#write("assistant", { ...message, stop_reason: stop });
  }

  #write(type: "user" | "assistant", message: object): Written {
    const uuid = this.nextId("entry");
    const body = JSON.stringify({
      parentUuid: this.#parent ?? null,
      isSidechain: false,
      type,
      message,
      uuid,
      timestamp: new Date(this.#clock.now()).toISOString(),
      sessionId: this.#turn.session.session,
    });
    this.#parent = uuid;
    this.#lastRole = type;
    return { uuid, step: { kind: "entry", log: "", entry: { body, uuid } } };
  }
}

/** The entry that a new turn goes on from. */
export async function lastUuid(turn: Pick<Turn, "recent">): Promise<string | undefined> {
  const bodies = (await turn.recent(recentEntries)).map(({ body }) => body);
  return bodies
    .toReversed()
    .map((body) => textOf(objectIn(body)?.["uuid"]))
    .find((uuid) => uuid !== undefined);
}

/** Enough: what has no uuid comes in a few lines about a session, not in a conversation. */
const recentEntries = 50;
