import { type ChildProcess, spawn } from "node:child_process";
import { HoldfastError } from "../../core/errors.ts";
import { type Environment, gitEnvironment } from "./environment.ts";
import type { GitOptions, GitResult } from "./repository.ts";

/** Runs git to its end in a process group of its own, without a shell. @throws git_failed, git_missing, git_timeout, git_output_too_large, aborted */
export function runGit(args: readonly string[], at: GitPlace, options: GitOptions = {}): Promise<GitResult> {
  if (options.signal?.aborted === true) return Promise.reject(aborted(args));
  const child = startGit(args, at, options.env);
  return new Promise((resolve, reject) => {
    const end = watch(child, args, options, reject);
    child.once("error", (cause: NodeJS.ErrnoException) => end.fail(spawnError(cause, at.cwd)));
    child.once("close", (code, signal) => {
      const result = end.result(code);
      if (result === undefined) return;
      if (code !== null && (options.codes ?? [0]).includes(code)) resolve(result);
      else reject(failed(args, { code, signal, stderr: result.stderr }));
    });
    child.stdin!.on("error", () => {
      // It ended without reading all of it: its exit code says why.
    });
    child.stdin!.end(options.input ?? "");
  });
}

/** Where git runs, and with which variables. */
export interface GitPlace {
  readonly cwd: string;
  readonly env: Environment;
}

/** Starts git in a process group of its own, with pipes. */
export function startGit(args: readonly string[], at: GitPlace, env?: Environment): ChildProcess {
  return spawn("git", [...args], {
    cwd: at.cwd,
    env: gitEnvironment(at.env, env),
    stdio: ["pipe", "pipe", "pipe"],
    // A group: what git has started (a transport, a hook) is killed with it.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
}

/** Kills a process with all that it has started. */
export function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

/** That git could not be started at all. */
export function spawnError(cause: NodeJS.ErrnoException, cwd: string): HoldfastError {
  if (cause.code !== "ENOENT" && cause.code !== "ENOTDIR")
    return new HoldfastError({
      code: "git_failed",
      message: `git could not be started (${cause.code ?? cause.message}).`,
      next: "Try again.",
      cause,
    });
  return new HoldfastError({
    code: "git_missing",
    message: `git could not be started in ${cwd}.`,
    next: "Install git 2.31 or later and put it on the PATH, and check that the folder exists.",
    cause,
  });
}

/** That git ended with a code that is no answer. */
export function failed(
  args: readonly string[],
  end: { readonly code: number | null; readonly signal: string | null; readonly stderr: string },
): HoldfastError {
  const how = end.code === null ? `was killed by ${end.signal ?? "a signal"}` : `ended with code ${end.code}`;
  const said = end.stderr.trim().slice(0, 2000);
  return new HoldfastError({
    code: "git_failed",
    message: `${commandOf(args)} ${how}${said === "" ? "" : `: ${said.replace(/\.?$/, "")}`}.`,
    next: "Run it by hand to see more.",
    data: { command: commandOf(args), exitCode: end.code, stderr: said },
  });
}

const defaultTimeoutMs = 60_000;
const defaultMaxBytes = 64 * 1024 * 1024;
const keptErrorBytes = 64 * 1024;

interface End {
  /** Kills it and gives the reason. */
  fail(error: Error): void;
  /** What it printed; undefined when it has failed already. */
  result(code: number | null): GitResult | undefined;
}

function watch(
  child: ChildProcess,
  args: readonly string[],
  { timeoutMs = defaultTimeoutMs, maxBytes = defaultMaxBytes, signal }: GitOptions,
  reject: (error: Error) => void,
): End {
  const chunks: Buffer[] = [];
  const errors: Buffer[] = [];
  const size = { out: 0, err: 0 };
  let ended = false;
  const finish = (): void => {
    ended = true;
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  };
  const fail = (error: Error): void => {
    if (ended) return;
    finish();
    killGroup(child);
    // What it has started may hold the pipes open, were it in a group of its own.
    child.stdout?.destroy();
    child.stderr?.destroy();
    reject(error);
  };
  const onAbort = (): void => fail(aborted(args));
  const timer = setTimeout(() => fail(timedOut(args, timeoutMs)), timeoutMs);
  signal?.addEventListener("abort", onAbort, { once: true });
  child.stdout!.on("data", (chunk: Buffer) => {
    size.out += chunk.length;
    if (size.out > maxBytes) fail(tooMuch(args, maxBytes));
    else chunks.push(chunk);
  });
  child.stderr!.on("data", (chunk: Buffer) => {
    size.err += chunk.length;
    if (size.err <= keptErrorBytes) errors.push(chunk);
  });
  return {
    fail,
    result(code) {
      if (ended) return undefined;
      finish();
      return { code: code ?? -1, stdout: Buffer.concat(chunks), stderr: Buffer.concat(errors).toString() };
    },
  };
}

function commandOf(args: readonly string[]): string {
  const valued = new Set(["-c", "-C"]);
  const at = args.findIndex((arg, index) => !arg.startsWith("-") && !valued.has(args[index - 1] ?? ""));
  return `git ${args[at] ?? ""}`.trim();
}

function aborted(args: readonly string[]): HoldfastError {
  return new HoldfastError({
    code: "aborted",
    message: `${commandOf(args)} was given up.`,
    next: "Call again when it is wanted.",
  });
}

function timedOut(args: readonly string[], timeoutMs: number): HoldfastError {
  return new HoldfastError({
    code: "git_timeout",
    message: `${commandOf(args)} did not end within ${timeoutMs} ms and was killed.`,
    next: "Try again; if it goes on, run it by hand to see what it waits for.",
    data: { command: commandOf(args), timeoutMs },
    retryable: true,
  });
}

function tooMuch(args: readonly string[], maxBytes: number): HoldfastError {
  return new HoldfastError({
    code: "git_output_too_large",
    message: `${commandOf(args)} printed more than ${maxBytes} bytes and was killed.`,
    next: "Ask for less, or allow more.",
    data: { command: commandOf(args), maxBytes },
  });
}
