import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type AgentTask, markName } from "./agent-task.ts";

/** What a worker process says, a line each. */
export interface AgentLine {
  readonly said: "ready" | "event" | "ended" | "recovered" | "error" | "closed";
  readonly run?: string;
  readonly input?: string;
  readonly type?: string;
  readonly as?: string;
  readonly reason?: string;
}

/** A process of `agent-worker.ts`; whatever it starts is marked by its task. */
export class AgentProcess implements AsyncDisposable {
  readonly lines: AgentLine[] = [];
  readonly task: AgentTask;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #changed = Promise.withResolvers<void>();
  #rest = "";

  constructor(task: AgentTask) {
    this.task = task;
    const temporary = join(task.home, "host-tmp");
    mkdirSync(temporary, { recursive: true });
    const script = join(import.meta.dirname, "agent-worker.ts");
    this.#child = spawn(process.execPath, [script, JSON.stringify(task)], {
      env: { ...process.env, TMPDIR: temporary, NODE_OPTIONS: quiet, [markName]: task.mark },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#closed = once(this.#child, "close").then(() => this.#changed.resolve());
    this.#child.stdout!.setEncoding("utf8").on("data", (text: string) => this.#take(text));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  said(what: AgentLine["said"]): AgentLine[] {
    return this.lines.filter(({ said }) => said === what);
  }

  /** Resolves when it has said something. @throws when it ends before that, or takes too long */
  async until(isSo: () => boolean): Promise<void> {
    const late = setTimeout(() => this.kill("SIGKILL"), longestMs);
    while (!isSo()) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw new Error(`The worker has ended. It said: ${JSON.stringify(this.lines.slice(-20))}`);
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
    clearTimeout(late);
  }

  /** Resolves when SIGSTOP holds it. */
  async paused(): Promise<void> {
    const state = (): string => readFileSync(`/proc/${this.pid}/stat`, "utf8").split(") ").at(-1)![0]!;
    while (state() !== "T") await delay(20);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async killed(): Promise<void> {
    this.kill("SIGKILL");
    await this.#closed;
  }

  /** Lets it end by itself. */
  async end(): Promise<void> {
    this.#child.stdin!.end();
    const late = setTimeout(() => this.kill("SIGKILL"), longestMs);
    await this.#closed;
    clearTimeout(late);
    if (this.#child.signalCode !== null) throw new Error("The worker did not end by itself.");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.killed();
  }

  #take(text: string): void {
    const parts = (this.#rest + text).split("\n");
    this.#rest = parts.pop()!;
    this.lines.push(...parts.map((line) => JSON.parse(line) as AgentLine));
    this.#changed.resolve();
  }
}

const quiet = "--disable-warning=ExperimentalWarning";
const longestMs = 60_000;
