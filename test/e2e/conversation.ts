import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { ClaudeSessionStore } from "../../src/claude.ts";
import type { FakeModel } from "../../src/testing.ts";
import { agentEnvironment } from "./agent-environment.ts";
import type { Sdk, SdkMessage, SdkQuery } from "./sdk.ts";

export interface ConverseParams {
  readonly sdk: Sdk;
  readonly model: Pick<FakeModel, "url" | "shown">;
  /** Holds the config folders, one a query: what a resume knows can come from the store only. */
  readonly folder: string;
  readonly cwd: string;
  /** `<cwd>` in a prompt stands for the working directory. */
  readonly prompts: readonly string[];
  /** Absent in a run that no store sees. */
  readonly store?: ClaudeSessionStore;
  /** More of the SDK's options, such as `resume`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** More of the process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Sees each message, and the query that it is from, before the next one is asked for. */
  readonly onMessage?: (message: SdkMessage, query: SdkQuery) => Promise<void> | void;
}

export interface Conversation {
  readonly sessionId: string;
  readonly configDir: string;
  readonly messages: readonly SdkMessage[];
  readonly mirrorErrors: number;
  /** What the model was shown by the last request of each turn, a line a piece. */
  readonly shown: readonly (readonly string[])[];
  readonly elapsedMs: number;
}

/** Runs one query of the real SDK, a turn a prompt, and returns once it has ended. */
export async function converse(params: ConverseParams): Promise<Conversation> {
  const { sdk, model, cwd, store } = params;
  const configDir = mkdtempSync(join(params.folder, "config-"));
  const prompts = new Prompts(params.prompts.map((prompt) => prompt.replaceAll("<cwd>", cwd)));
  const abortController = new AbortController();
  const timer = setTimeout(() => abortController.abort(), longestMs);
  const stderr: string[] = [];
  const options = {
    ...queryOptions({ model, folder: params.folder, configDir, env: params.env }),
    cwd,
    abortController,
    stderr: (text: string) => void stderr.push(text),
    ...(store === undefined ? {} : { sessionStore: store }),
    ...params.options,
  };
  const [messages, shown, startedMs]: [SdkMessage[], string[][], number] = [[], [], performance.now()];
  try {
    const query = sdk.query({ prompt: prompts.all(), options });
    for await (const message of query) {
      store?.observe(message);
      messages.push(message);
      await params.onMessage?.(message, query);
      if (message.type !== "result") continue;
      shown.push(
        model.shown().map((line) => line.replaceAll(cwd, "<cwd>").replaceAll(volatile, "<volatile>")),
      );
      prompts.next();
    }
  } catch (error) {
    throw new Error(`The query failed. The agent said: ${stderr.join("")}`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
  return {
    sessionId: messages.findLast((message) => message.session_id !== undefined)!.session_id!,
    configDir,
    messages,
    mirrorErrors: messages.filter(({ subtype }) => subtype === "mirror_error").length,
    shown,
    elapsedMs: performance.now() - startedMs,
  };
}

/** All that a query is given but for the session: nothing is inherited, and nothing but loopback is asked. */
function queryOptions({ model, folder, configDir, env: more }: QueryOptionsParams): Record<string, unknown> {
  const env = { ...agentEnvironment({ modelUrl: model.url, configDir, temporary: folder }), ...more };
  return {
    env,
    settingSources: [],
    permissionMode: "bypassPermissions",
    allowDangerouslySkipPermissions: true,
  };
}

interface QueryOptionsParams {
  readonly model: { readonly url: string };
  readonly folder: string;
  readonly configDir: string;
  readonly env: Readonly<Record<string, string>> | undefined;
}

const longestMs = 45_000;

// Ids of agents and what a run took: they differ between two runs that are the same.
const volatile = /\b[0-9a-f]{17}\b|(?<=(?:subagent_tokens|duration_ms): )\d+/g;

/** The prompts as the SDK's streaming input, each sent once the turn before it has its result. */
class Prompts {
  readonly #prompts: readonly string[];
  #wake = (): void => undefined;

  constructor(prompts: readonly string[]) {
    this.#prompts = prompts;
  }

  /** The one prompt itself, or all of them in turn. */
  all(): unknown {
    return this.#prompts.length === 1 ? this.#prompts[0] : this.#inTurn();
  }

  next(): void {
    this.#wake();
  }

  async *#inTurn(): AsyncGenerator<unknown> {
    for (const content of this.#prompts) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      yield { type: "user", message: { role: "user", content }, parent_tool_use_id: null };
      await promise;
    }
  }
}
