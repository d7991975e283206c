import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { run } from "../../src/cli/run.ts";
import { replaceEnvironment } from "../environment.ts";
import { Screen, type Terminal } from "./screen.ts";

/** The program's file. */
export const bin = join(import.meta.dirname, "../../bin/holdfast.js");

/** The same, with both streams as one person reads them. */
interface RanInside extends Ran {
  readonly printed: string;
}

interface Inside {
  readonly terminal?: Terminal;
  readonly env?: NodeJS.ProcessEnv;
}

/** What a run of the CLI left behind. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine of its own for one test: home, config and temporary folders that nobody else uses. */
export class Home implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-cli-"));
  readonly claude = join(this.folder, ".claude");
  readonly database = join(this.folder, ".local/share/holdfast/holdfast.db");

  constructor() {
    mkdirSync(join(this.folder, "tmp"));
  }

  /** Writes a file below the home. */
  write(path: string, text: string): string {
    const full = join(this.folder, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  }

  /** Writes one transcript of Claude Code. */
  transcript(project: string, file: string, entries: readonly object[]): string {
    const lines = entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");
    return this.write(`.claude/projects/${project}/${file}.jsonl`, lines);
  }

  /** The environment of a program on this machine. */
  environment(env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { folder } = this;
    return { PATH: process.env["PATH"], HOME: folder, TMPDIR: join(folder, "tmp"), TZ: "UTC", ...env };
  }

  /** Starts the real program. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcessWithoutNullStreams {
    return spawn(process.execPath, [bin, ...args], { cwd: this.folder, env: this.environment(env) });
  }

  /** Runs the program inside this process: many runs in a second, and streams that play a terminal. */
  async runInside(args: readonly string[], { terminal, env = {} }: Inside = {}): Promise<RanInside> {
    const before = { ...process.env };
    const all: string[] = [];
    const [stdout, stderr] = [new Screen(terminal, all), new Screen(terminal, all)];
    replaceEnvironment(this.environment(env));
    try {
      const code = await run(["node", "holdfast", ...args], { stdout, stderr });
      return { code, stdout: stdout.text, stderr: stderr.text, printed: all.join("") };
    } finally {
      replaceEnvironment(before);
    }
  }

  /** Runs the real program to its end. */
  async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
    const child = this.start(args, env);
    child.stdin.end();
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once("error", reject).once("close", resolve);
    const [stdout, stderr, code] = await Promise.all([textOf(child.stdout), textOf(child.stderr), promise]);
    return { code, stdout, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Every file below a folder with its bytes. */
export function snapshot(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted()) {
    const path = join(folder, name);
    const stat = statSync(path);
    files[name] = stat.isFile() ? readFileSync(path, "latin1") : stat.isSocket() ? "socket" : "folder";
  }
  return files;
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}
