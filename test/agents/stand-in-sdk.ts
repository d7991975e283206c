import { randomUUID } from "node:crypto";
import type { AgentStep, Turn, TurnStore } from "../../src/core/agent.ts";
import type {
  ClaudeSdk,
  SdkPrompt,
  SdkQuery,
  SdkSpawn,
} from "../../src/agents/claude/backend/sdk-contract.ts";

export interface QueryOptions {
  readonly abortController: AbortController;
  readonly spawnClaudeCodeProcess: (spawning: SdkSpawn) => unknown;
  readonly [option: string]: unknown;
}

/** What such an SDK answers to anything but a prompt. */
export const standInMethods = {
  interrupt: () => Promise.resolve(),
  setModel: () => Promise.resolve(),
  setPermissionMode: () => Promise.resolve(),
};

/** What an SDK answers to a prompt, message by message. */
export type Answer = (prompt: SdkPrompt, options: QueryOptions) => Iterable<unknown> | AsyncIterable<unknown>;

export interface StandIn {
  /** The config folder of its process; default is this process's own. */
  readonly folder?: string;
  /** What it does when its process has ended. */
  readonly onEnd?: () => void;
  /** Its answers to what it is asked beside prompts. */
  readonly methods?: Partial<Pick<SdkQuery, keyof typeof standInMethods>>;
}

/** An SDK whose process does nothing: it answers each prompt itself, until it is aborted or has no input any more. */
export function sdkThat(answer: Answer, { folder, onEnd, methods: more }: StandIn = {}): ClaudeSdk {
  const query: ClaudeSdk["query"] = ({ prompt, options }) => {
    const own = options as QueryOptions;
    const { signal } = own.abortController;
    async function* messages(): AsyncGenerator<unknown> {
      const child = own.spawnClaudeCodeProcess({
        command: process.execPath,
        args: ["-e", "process.stdin.resume()"],
        env: { ...process.env, ...(folder !== undefined && { CLAUDE_CONFIG_DIR: folder }) },
        signal,
      }) as { readonly stdin: { end(): void } };
      try {
        for await (const one of prompt) {
          if (signal.aborted) return;
          yield* answer(one, own);
        }
      } finally {
        child.stdin.end();
        onEnd?.();
      }
    }
    return Object.assign(messages(), { ...standInMethods, ...more }) as SdkQuery;
  };
  return { query };
}

/** The SDK's messages of a turn that is answered at once. */
export function answerOf({ message: { content } }: SdkPrompt, sessionId?: string): readonly object[] {
  const text = typeof content === "string" ? content : "";
  return [
    { type: "system", subtype: "init", session_id: sessionId },
    { type: "result", subtype: "success", is_error: false, result: `answer to ${text}` },
  ];
}

export interface TurnOf {
  readonly store: TurnStore;
  readonly body: string | object;
  readonly signal?: AbortSignal;
  readonly resume?: string;
  /** Its session's name; default `s`. */
  readonly session?: string;
}

/** A turn whose runtime keeps nothing. */
export function turnOf({
  store,
  body,
  signal = new AbortController().signal,
  resume,
  session = "s",
}: TurnOf): Turn {
  const said = typeof body === "string" ? { prompt: body, cwd: process.cwd() } : body;
  return {
    session: { project: "p", session },
    run: randomUUID(),
    input: { id: randomUUID(), key: randomUUID(), body: JSON.stringify(said) },
    attempt: 1,
    signal,
    ...(resume !== undefined && { resume }),
    journal: { step: () => Promise.reject(new Error("No tool is called here.")) },
    store,
    flush: () => Promise.resolve(),
    answered: () => undefined,
    recent: () => Promise.resolve([]),
  };
}

/** What a step says, with its kind. */
export function wordsOf(step: AgentStep): string | undefined {
  return step.kind === "event" && "text" in step.event ? `${step.event.type}: ${step.event.text}` : undefined;
}

/** What all steps of a turn say. */
export async function said(steps: AsyncIterable<AgentStep>): Promise<string[]> {
  const words: string[] = [];
  for await (const step of steps) words.push(wordsOf(step) ?? "");
  return words.filter((word) => word !== "");
}
