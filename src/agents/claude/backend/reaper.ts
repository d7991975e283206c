import { type ChildProcess, spawn } from "node:child_process";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Doomed } from "./process-table.ts";
import type { ReaperMessage } from "./reaper-process.ts";

/**
 * Sees to it that no agent outlives this process, however it dies: a process of its own that kills the agents when the
 * pipe to it closes. It is there while an agent is.
 */
export class Reaper {
  readonly #watched = new Map<number, Doomed>();
  readonly #asked = new Map<number, PromiseWithResolvers<void>>();
  #child: ChildProcess | undefined;
  #startedAtMs = 0;
  #pauseMs = 0;

  /** Resolves once the reaper knows of it. @throws when there can be no reaper here */
  async watch(doomed: Doomed): Promise<void> {
    this.#watched.set(doomed.pid, doomed);
    const asked = Promise.withResolvers<void>();
    this.#asked.set(doomed.pid, asked);
    const timer = setTimeout(() => asked.reject(new Error("The reaper does not answer.")), longestAnswerMs);
    try {
      if (this.#child === undefined) this.#start();
      else this.#tell(this.#child, { watch: doomed });
      await asked.promise;
    } finally {
      this.#asked.delete(doomed.pid);
      clearTimeout(timer);
    }
  }

  /** Its own process while it is there. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** The process has ended; with the last one the reaper does. */
  forget(pid: number): void {
    if (!this.#watched.delete(pid)) return;
    const child = this.#child;
    if (child === undefined) return;
    this.#tell(child, { forget: pid });
    if (this.#watched.size > 0) return;
    this.#child = undefined;
    child.stdin!.end();
  }

  /** It is told of all that are to be watched. */
  #start(): void {
    const child = spawn(process.execPath, [...flags, join(import.meta.dirname, `reaper-process${suffix}`)], {
      // A group of its own: a Ctrl-C in the host's terminal must not take it away.
      detached: true,
      // It must hold no folder of anybody.
      cwd: "/",
      env: { PATH: process.env["PATH"], NODE_OPTIONS: "" },
      stdio: ["pipe", "pipe", "ignore"],
      windowsHide: true,
    });
    child.on("error", (error) => this.#lost(child, error));
    child.on("exit", () => this.#lost(child, new Error("The reaper has ended.")));
    // Node leaves its pipes out where no file descriptor is left.
    if (child.pid === undefined) throw new Error("The reaper could not be started.");
    child.stdin!.on("error", () => undefined);
    createInterface({ input: child.stdout! }).on("line", (line) => this.#answered(Number(line)));
    // It must not keep its host alive.
    child.unref();
    for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref(): void }).unref();
    this.#child = child;
    this.#startedAtMs = Date.now();
    for (const doomed of this.#watched.values()) this.#tell(child, { watch: doomed });
  }

  #tell(child: ChildProcess, message: ReaperMessage): void {
    child.stdin!.write(`${JSON.stringify(message)}\n`);
  }

  #answered(pid: number): void {
    this.#asked.get(pid)?.resolve();
    this.#asked.delete(pid);
  }

  // Another one takes its place for those that are still there.
  #lost(child: ChildProcess, error: Error): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const asked of this.#asked.values()) asked.reject(error);
    this.#asked.clear();
    if (Date.now() - this.#startedAtMs > steadyMs) this.#pauseMs = 0;
    this.#startLater();
  }

  // One that cannot live here must not be started a hundred times a second.
  #startLater(): void {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(longestPauseMs, Math.max(shortestPauseMs, 2 * pauseMs));
    if (pauseMs === 0) this.#startAgain();
    else setTimeout(() => this.#startAgain(), pauseMs).unref();
  }

  #startAgain(): void {
    if (this.#child !== undefined || this.#watched.size === 0) return;
    try {
      this.#start();
    } catch {
      this.#startLater();
    }
  }
}

/** One for all backends of this process. */
export const reaper = new Reaper();

const longestAnswerMs = 5000;

/** One that has lived for so long is lost by an accident. */
const steadyMs = 10_000;
const shortestPauseMs = 100;
const longestPauseMs = 60_000;

const suffix = extname(import.meta.filename);

const flags = ["--max-old-space-size=16", "--max-semi-space-size=1", "--disable-warning=ExperimentalWarning"];
