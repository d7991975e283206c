import { randomUUID } from "node:crypto";
import type { AgentStep, Turn } from "../../../core/agent.ts";
import { HoldfastError, isHoldfastError } from "../../../core/errors.ts";
import { isTerminal } from "../../../core/event.ts";
import { BackgroundWork } from "./background-work.ts";
import { boundStore } from "./bound-store.ts";
import { type Begun, Child } from "./child.ts";
import { fileEntry, fileLog } from "../../../core/side-files.ts";
import type { Fold } from "../../../core/store.ts";
import { HeldEntries } from "./held-entries.ts";
import { checkSdkVersion } from "./load-sdk.ts";
import { PromptWatch } from "./prompt-watch.ts";
import type { PromptContent } from "./prompt-content.ts";
import type { ClaudeSdk, SdkPrompt, SdkQuery, SdkSpawn } from "./sdk-contract.ts";
import { mapSdkMessage, sessionIdOf } from "./sdk-message.ts";
import { RestKeeper } from "./rest-keeper.ts";
import type { SideFiles } from "./side-files.ts";
import { type SdkHooks, ToolSteps } from "./tool-steps.ts";
import type { TurnChoices } from "./turn-request.ts";
import { UsageTotals } from "./usage-totals.ts";
import { WaitingQueue } from "./waiting-queue.ts";

export interface LiveProcessParams {
  readonly sdk: ClaudeSdk;
  /** The turn that it is started for. */
  readonly turn: Turn;
  /** The SDK's session that it goes on with. */
  readonly resume: string | undefined;
  /** What it is started with, and is asked for by the turns after it. */
  readonly chosen: TurnChoices & { readonly cwd: string };
  /** The SDK's options but for what is the process's own; its hooks are the caller's. */
  readonly options: Readonly<Record<string, unknown>> & { readonly hooks?: SdkHooks };
  readonly onStderr?: ((text: string) => void) | undefined;
  readonly files: SideFiles;
  readonly fold: Fold | undefined;
}

/** One process of the agent with the query that drives it. It has one turn at a time, and lives on between them. */
export class LiveProcess {
  /** What the process gave and no turn has taken yet. */
  readonly steps = new WaitingQueue<AgentStep>();
  readonly held: HeldEntries;
  readonly tools: ToolSteps;
  readonly files: SideFiles;
  /** What was asked of it last. */
  chosen: LiveProcessParams["chosen"];
  /** Whose turn it is. */
  turn: Turn | undefined;
  /** The SDK's session that it is in. */
  sessionId: string | undefined;
  begun: Begun = {};
  /** The turn is to end with this. */
  refusal: { readonly error: unknown } | undefined;
  readonly #params: LiveProcessParams;
  readonly #prompts = new WaitingQueue<SdkPrompt>();
  readonly #spawned = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  readonly #totals: UsageTotals;
  readonly #background = new BackgroundWork();
  readonly query: SdkQuery;
  #child: Child | undefined;
  /** Of the prompt that has no result yet. */
  #watch: PromptWatch | undefined;
  #hasEnded = false;
  #rest: RestKeeper | undefined;
  /** The turn that had it last. */
  #last: Turn;

  /** Starts a process and waits until it runs, in the reaper's care; it does nothing before it has a prompt. @throws the signal's reason */
  static async start(params: LiveProcessParams): Promise<LiveProcess> {
    const live = new LiveProcess(params);
    const { signal } = params.turn;
    const kill = (): void => void live.kill();
    signal.addEventListener("abort", kill, { once: true });
    try {
      await Promise.race([live.#spawned.promise, live.ended]);
      if (live.#child === undefined || live.hasEnded) await live.#throwEnd();
      live.begun = await live.#child!.begin();
      signal.throwIfAborted();
      return live;
    } catch (error) {
      await live.kill();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener("abort", kill);
    }
  }

  private constructor(params: LiveProcessParams) {
    const { sdk, turn, resume, options, chosen } = params;
    this.#params = params;
    this.#last = turn;
    this.held = new HeldEntries(turn.session);
    this.files = params.files;
    this.chosen = chosen;
    this.sessionId = resume;
    this.#totals = new UsageTotals({ lineage: turn.session.session, isResumed: resume !== undefined });
    this.tools = new ToolSteps({ turn: () => this.turn, onRefused: (error) => this.#refuse(error) });
    const sessionStore = boundStore({ ...turn, give: (step) => this.#give(step) });
    this.query = sdk.query({
      prompt: promptsOf(this.#prompts),
      options: {
        ...options,
        hooks: this.tools.hooks(options.hooks),
        cwd: chosen.cwd,
        ...(chosen.model !== undefined && { model: chosen.model }),
        ...(chosen.permissionMode !== undefined && { permissionMode: chosen.permissionMode }),
        ...(resume !== undefined && { resume }),
        sessionStore,
        // What is done is staged at once: a batch would hold the whole turn back until its end.
        sessionStoreFlush: "eager",
        abortController: this.#abort,
        spawnClaudeCodeProcess: (spawning: SdkSpawn) => this.#spawn(spawning),
      },
    });
    void this.#pump();
  }

  /** A prompt has no result yet. */
  get isAnswering(): boolean {
    return this.#watch !== undefined;
  }

  /** It is at something that nobody waits for. */
  get isAtWork(): boolean {
    return this.#background.isUnderWay;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** Resolves when it has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  get fold(): Fold | undefined {
    return this.#params.fold;
  }

  /** The release of the SDK that drives it. */
  get sdkVersion(): string | undefined {
    return this.#child?.sdkVersion;
  }

  /** Where it keeps what it writes. */
  get folder(): string | undefined {
    return this.#child?.folder;
  }

  /** A turn has the process from now on. */
  begin(turn: Turn): void {
    this.turn = turn;
    this.#last = turn;
    this.refusal = undefined;
  }

  /** No turn has the process from now on. */
  rest(): void {
    const { steps, held, fold } = this;
    this.#rest ??= new RestKeeper({ steps, held, fold, store: this.#last.store });
  }

  /** A turn is about to have it: whatever it gives is the turn's to read. */
  async wake(): Promise<void> {
    await this.#rest?.end();
    this.#rest = undefined;
  }

  /** Gives the uuid of the entry that it is kept as. */
  prompt(content: PromptContent): string {
    const uuid = randomUUID();
    this.#watch = new PromptWatch(uuid);
    const message = { role: "user", content } as const;
    this.#prompts.push({ type: "user", message, parent_tool_use_id: null, uuid });
    return uuid;
  }

  /** Ends it by the end of its input, and by force where it does not end by itself; keeps what it wrote at last. */
  async close(): Promise<void> {
    using _files = this.files;
    await this.wake();
    try {
      await this.#keepLast();
    } finally {
      await this.#endInput();
    }
    this.held.hold(this.steps.drain());
    await this.held.appendLast(this.#last.store, this.#params.fold);
  }

  /** Keeps the files that no turn takes any more, together with what else it wrote when none did. */
  async keepFiles(): Promise<void> {
    const { folder, sessionId } = this;
    if (folder === undefined || sessionId === undefined) return;
    const { session, run, store } = this.#last;
    try {
      for await (const step of this.files.keep({ turn: { session, run, store }, folder, sessionId })) {
        if (step.kind !== "file") this.steps.push(step);
        else this.held.hold([{ kind: "entry", log: fileLog, entry: fileEntry({ run, file: step.file }) }]);
      }
    } catch (error) {
      // What the store did not take is found again by the next turn, or when the process is closed.
      if (!isHoldfastError(error)) throw error;
    }
  }

  /** Ends it at once with all that it has started. */
  async kill(): Promise<void> {
    this.#prompts.end();
    this.#abort.abort();
    await this.#child?.kill();
    await endedWithin(this.ended, longestEndMs);
    this.#end({ error: processFailed(new Error("The SDK did not end with it."), this.#child?.stderr ?? "") });
  }

  async #endInput(): Promise<void> {
    this.#prompts.end();
    const timer = setTimeout(() => void this.kill(), longestCloseMs);
    await this.ended;
    clearTimeout(timer);
  }

  // The SDK removes the folder of a resumed process as soon as that has ended. Of another one's session nothing is kept.
  async #keepLast(): Promise<void> {
    try {
      if (await this.held.isCurrent(this.#last.store)) await this.keepFiles();
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
    }
  }

  #spawn(spawning: SdkSpawn): Child["process"] {
    const { resume, files, onStderr } = this.#params;
    try {
      // The SDK may still have been at something else when it was stopped.
      if (this.#abort.signal.aborted) throw processFailed(new Error("It was stopped before it began."));
      checkSdkVersion(spawning.env);
      const child = new Child(spawning, {
        onStderr,
        beforeSpawn: (folder) => {
          if (resume !== undefined) files.materialise({ folder, sessionId: resume });
        },
      });
      this.#child = child;
      this.#spawned.resolve();
      return child.process;
    } catch (error) {
      this.#refuse(error);
      throw error;
    }
  }

  async #pump(): Promise<void> {
    try {
      for await (const message of this.query) this.#take(message);
      this.#end({});
    } catch (error) {
      // Its tools may have outlived it.
      await this.#child?.kill();
      this.#end({ error: processFailed(error, this.#child?.stderr ?? "") });
    }
  }

  #take(message: unknown): void {
    this.sessionId = sessionIdOf(message) ?? this.sessionId;
    this.#background.take(message);
    const isEnd = this.#watch?.ends(message) === true;
    if (isEnd) this.#watch = undefined;
    const told = this.#totals.told(mapSdkMessage(message)).map((event) => this.tools.seen(event));
    for (const event of [...this.#totals.reconcile(message), ...told]) {
      // What ends an answer that nobody asked for ends no turn.
      if (isEnd || !isTerminal(event)) this.steps.push({ kind: "event", event });
    }
  }

  #give(step: AgentStep): void {
    this.steps.push(step);
    if (step.kind !== "entry") return;
    for (const event of this.#totals.ofEntries([step.entry.body])) this.steps.push({ kind: "event", event });
  }

  #refuse(error: unknown): void {
    this.refusal ??= { error };
    this.steps.stir();
  }

  #end(end: { readonly error?: unknown }): void {
    this.#hasEnded = true;
    this.#prompts.end();
    this.steps.end(end);
    this.#ended.resolve();
  }

  async #throwEnd(): Promise<never> {
    if (this.refusal !== undefined) throw this.refusal.error;
    while ((await this.steps.next()) !== undefined);
    throw processFailed(new Error("It ended before it began."), this.#child?.stderr ?? "");
  }
}

const longestCloseMs = 5000;
/** After all its processes were killed. Together with the time for those, less than a worker waits for an agent. */
const longestEndMs = 1000;

async function endedWithin(ended: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([ended, late]);
  clearTimeout(timer);
}

async function* promptsOf(prompts: WaitingQueue<SdkPrompt>): AsyncGenerator<SdkPrompt> {
  for (let next = await prompts.next(); next !== undefined; next = await prompts.next()) yield next;
}

/** Why a turn cannot go on whose process is gone. */
export function processFailed(cause: unknown, stderr = ""): HoldfastError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent's process has failed: ${why}${stderr === "" ? "" : ` It said: ${stderr}`}`,
    next: "The run is interrupted; its session goes on in a new process.",
    cause,
  });
}
