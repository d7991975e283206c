import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Home } from "./home.ts";

/** A program that runs beside its test. */
export interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** Its exit code, and the signal that ended it. */
  readonly ended: Promise<readonly unknown[]>;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when stderr holds this. */
  readonly says: (text: string) => Promise<void>;
  /** Resolves when stdout holds this. */
  readonly prints: (text: string) => Promise<void>;
}

/** Starts the real program on a machine. */
export function startProgram(home: Home, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
  const child = home.start(args, env);
  const printed = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (printed.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (printed.stderr += String(chunk)));
  return {
    child,
    ended: new Promise((resolve) => child.once("close", (...how) => resolve(how))),
    get stdout() {
      return printed.stdout;
    },
    get stderr() {
      return printed.stderr;
    },
    says: (text) => heard(child, printed, "stderr", text),
    prints: (text) => heard(child, printed, "stdout", text),
  };
}

function heard(
  child: ChildProcessWithoutNullStreams,
  printed: Readonly<Record<"stdout" | "stderr", string>>,
  stream: "stdout" | "stderr",
  text: string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      if (printed[stream].includes(text)) resolve();
    };
    child[stream].on("data", look);
    child.once("close", () => reject(new Error(`It ended and said: ${printed.stderr}`)));
    look();
  });
}
