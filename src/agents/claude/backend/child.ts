import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ProcessIdentity } from "../../../core/event.ts";
import { sdkVersionIn } from "./load-sdk.ts";
import { withDeathSignal } from "./death-signal.ts";
import { identityOf } from "./process-identity.ts";
import { type Doomed, killTrees, markerName } from "./process-table.ts";
import { reaper } from "./reaper.ts";
import type { SdkSpawn } from "./sdk-contract.ts";

/** The agent's process: the leader of its own group, and with all it starts marked in the environment. */
export class Child {
  readonly process: ChildProcess;
  readonly folder: string;
  readonly sdkVersion: string | undefined;
  readonly #marker = randomUUID();
  readonly #onStderr: ((text: string) => void) | undefined;
  #stderr = "";
  #identity: ProcessIdentity | undefined;

  constructor({ command, args, cwd, env }: SdkSpawn, { onStderr, beforeSpawn }: ChildParams = {}) {
    this.#onStderr = onStderr;
    this.folder = configFolderOf(env);
    this.sdkVersion = sdkVersionIn(env);
    beforeSpawn?.(this.folder);
    const program = withDeathSignal({ command, args });
    this.process = spawn(program.command, program.args, {
      ...(cwd !== undefined && { cwd }),
      env: { ...env, [markerName]: this.#marker },
      // A Ctrl-C in the host's terminal is for the host, which lets its turns come to an end.
      detached: process.platform !== "win32",
      stdio: ["pipe", "pipe", "pipe"],
      windowsHide: true,
    });
    // The SDK hears of it by its own listener, or by what is thrown here; with none at all it would end the host.
    this.process.on("error", () => undefined);
    // Node leaves them out where no file descriptor is left.
    const stderr = this.process.stderr as ChildProcess["stderr"] | undefined;
    if (stderr == null) throw new Error("The agent's process could not be started: too many files are open.");
    stderr.setEncoding("utf8").on("data", (text: string) => this.#said(text));
  }

  /** Names the process, and puts it in the reaper's care; to be done before it has a prompt. */
  async begin(): Promise<Begun> {
    const { pid } = this.process;
    if (pid === undefined) return {};
    const found = identityOf(pid);
    this.#identity = found && { ...found, folder: this.folder, marker: this.#marker };
    const identity = this.#identity && { identity: this.#identity };
    this.process.once("exit", () => reaper.forget(pid));
    try {
      await reaper.watch(this.#doomed(pid));
      return { ...identity };
    } catch (fault) {
      return { ...identity, fault };
    }
  }

  /** The last it said to nobody. */
  get stderr(): string {
    return this.#stderr.trim();
  }

  /** Ends it at once with all that it has started. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.process;
    if (pid === undefined) return;
    const trees = killTrees([this.#doomed(pid)]);
    if (exitCode === null && signalCode === null) this.process.kill("SIGKILL");
    await trees;
  }

  #doomed(pid: number): Doomed {
    const started = this.#identity?.started;
    return { pid, marker: this.#marker, ...(started !== undefined && { started }) };
  }

  #said(text: string): void {
    this.#stderr = `${this.#stderr}${text}`.slice(-mostStderr);
    this.#onStderr?.(text);
  }
}

export interface Begun {
  /** Absent where the system cannot tell its processes apart. */
  readonly identity?: ProcessIdentity;
  /** Why nobody sees to it that it dies with its host. */
  readonly fault?: unknown;
}

export interface ChildParams {
  readonly onStderr?: ((text: string) => void) | undefined;
  /** Called with the config folder that it is about to read. */
  readonly beforeSpawn?: (folder: string) => void;
}

const mostStderr = 4000;

function configFolderOf(env: SdkSpawn["env"]): string {
  return env["CLAUDE_CONFIG_DIR"] ?? join(env["HOME"] ?? homedir(), ".claude");
}
