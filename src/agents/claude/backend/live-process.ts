import { type ChildProcess, spawn } from "node:child_process";
import type { AgentStep, Turn } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import type { ProcessIdentity } from "../../../core/event.ts";
import type { SessionKey } from "../../../core/ids.ts";
import { boundStore } from "./bound-store.ts";
import { identityOf } from "./process-identity.ts";
import type { PromptContent } from "./prompt-content.ts";
import type { ClaudeSdk, SdkPrompt, SdkQuery, SdkSpawn } from "./sdk-contract.ts";
import { mapSdkMessage, sessionIdOf } from "./sdk-message.ts";
import { WaitingQueue } from "./waiting-queue.ts";

export interface LiveProcessParams {
  readonly sdk: ClaudeSdk;
  /** The turn that it is started for. */
  readonly turn: Pick<Turn, "session" | "store" | "resume">;
  /** All of the SDK's options but for what is ours. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Called with the child's config folder, before it is spawned. */
  readonly onFolder?: (folder: string) => void;
}

/** One process of the agent with the query that drives it; it has one turn at a time, and lives on between them. */
export class LiveProcess {
  readonly session: SessionKey;
  /** What the process gave and no turn has taken yet. */
  readonly steps = new WaitingQueue<AgentStep>();
  /** The SDK's session that it is in. */
  sessionId: string | undefined;
  readonly #prompts = new WaitingQueue<SdkPrompt>();
  readonly #child = Promise.withResolvers<ChildProcess>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #query: SdkQuery;
  readonly #stderr: string[] = [];
  #folder: string | undefined;
  #hasEnded = false;

  /** Starts a process and waits until it runs; it does nothing before it has a prompt. */
  static async start(params: LiveProcessParams): Promise<LiveProcess> {
    const live = new LiveProcess(params);
    await Promise.race([live.#child.promise, live.#ended.promise]);
    if (live.hasEnded) await live.steps.next();
    return live;
  }

  private constructor(params: LiveProcessParams) {
    const { sdk, turn, options } = params;
    this.session = turn.session;
    this.sessionId = turn.resume;
    const store = boundStore({ ...turn, give: (step) => this.steps.push(step) });
    this.#query = sdk.query({
      prompt: promptsOf(this.#prompts),
      options: {
        ...options,
        ...(turn.resume !== undefined && { resume: turn.resume }),
        sessionStore: store,
        // What is done is staged at once: a batch would hold the whole turn back until its end.
        sessionStoreFlush: "eager",
        spawnClaudeCodeProcess: (spawning: SdkSpawn) => this.#spawn(spawning, params),
      },
    });
    void this.#pump();
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get folder(): string | undefined {
    return this.#folder;
  }

  get query(): SdkQuery {
    return this.#query;
  }

  async identity(): Promise<ProcessIdentity | undefined> {
    const { pid } = await this.#child.promise;
    const identity = pid === undefined ? undefined : await identityOf(pid);
    return identity && { ...identity, ...(this.#folder !== undefined && { folder: this.#folder }) };
  }

  prompt(content: PromptContent): void {
    this.#prompts.push({ type: "user", message: { role: "user", content }, parent_tool_use_id: null });
  }

  /** Ends it by the end of its input, and by force where it does not end. */
  async close(): Promise<void> {
    this.#prompts.end();
    const timer = setTimeout(() => this.kill(), 3000);
    await this.#ended.promise;
    clearTimeout(timer);
  }

  kill(): void {
    void this.#child.promise.then(({ pid }) => {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    });
  }

  #spawn({ command, args, cwd, env }: SdkSpawn, { onFolder }: LiveProcessParams): ChildProcess {
    this.#folder = env["CLAUDE_CONFIG_DIR"];
    if (this.#folder !== undefined) onFolder?.(this.#folder);
    const child = spawn(command, args, {
      ...(cwd !== undefined && { cwd }),
      env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => void this.#stderr.push(text));
    child.once("spawn", () => this.#child.resolve(child));
    return child;
  }

  async #pump(): Promise<void> {
    try {
      for await (const message of this.#query) {
        this.sessionId = sessionIdOf(message) ?? this.sessionId;
        this.steps.push(...mapSdkMessage(message).map((event): AgentStep => ({ kind: "event", event })));
      }
      this.#end({});
    } catch (error) {
      this.#end({ error: processFailed(error, this.#stderr.join("").slice(-2000)) });
    }
  }

  #end(end: { readonly error?: unknown }): void {
    this.#hasEnded = true;
    this.#prompts.end();
    this.steps.end(end);
    this.#ended.resolve();
  }
}

async function* promptsOf(prompts: WaitingQueue<SdkPrompt>): AsyncGenerator<SdkPrompt> {
  for (let next = await prompts.next(); next !== undefined; next = await prompts.next()) yield next;
}

function processFailed(cause: unknown, stderr: string): HoldfastError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent's process has failed: ${why}${stderr === "" ? "" : ` It said: ${stderr.trim()}`}`,
    next: "The run is interrupted; its session goes on in a new process.",
    cause,
  });
}
