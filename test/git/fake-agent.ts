import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gitTestEnv } from "./repositories.ts";

/** What each answer of the agent uses. */
const usage = { input_tokens: 10, output_tokens: 5 };

/** What a hook of the agent left behind. */
export interface Fired {
  readonly code: number | null;
  /** What the agent would have taken for something to read. */
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Plays Claude Code in a worktree: reads the hook commands from its settings there, runs them through a shell with the
 * JSON that it would send, and writes a transcript as it would.
 */
export class FakeAgent {
  readonly sessionId: string;
  readonly transcript: string;
  readonly #worktree: string;
  readonly #env: Readonly<Record<string, string>>;

  constructor({ worktree, home, sessionId = randomUUID(), env = {} }: FakeAgentParams) {
    this.sessionId = sessionId;
    this.#worktree = worktree;
    this.#env = { ...gitTestEnv, HOME: home, ...env };
    const project = worktree.replaceAll(/[^A-Za-z0-9]/g, "-");
    this.transcript = join(home, ".claude/projects", project, `${sessionId}.jsonl`);
    mkdirSync(dirname(this.transcript), { recursive: true });
  }

  start(source = "startup"): Promise<readonly Fired[]> {
    return this.fire("SessionStart", { source, model: "claude-test" });
  }

  async prompt(text: string): Promise<readonly Fired[]> {
    this.write({ type: "user", message: { role: "user", content: text } });
    return await this.fire("UserPromptSubmit", { prompt: text });
  }

  /** Writes a file as the tool of that name does: on disk and in the transcript. */
  edit(path: string, content: string, tool = "Write"): void {
    const whole = join(this.#worktree, path);
    mkdirSync(dirname(whole), { recursive: true });
    writeFileSync(whole, content);
    this.says([
      { type: "tool_use", id: `toolu_${randomUUID()}`, name: tool, input: { file_path: whole, content } },
    ]);
  }

  /** Starts a subagent and ends it. */
  async task(description: string): Promise<readonly Fired[]> {
    const call = {
      tool_name: "Task",
      tool_use_id: `toolu_${randomUUID()}`,
      tool_input: { description, subagent_type: "explorer" },
    };
    const before = await this.fire("PreToolUse", call);
    return [
      ...before,
      ...(await this.fire("PostToolUse", { ...call, tool_response: { agentId: "a1b2c3" } })),
    ];
  }

  async stop(): Promise<readonly Fired[]> {
    this.says([{ type: "text", text: "Done." }]);
    return await this.fire("Stop", { stop_hook_active: false });
  }

  end(reason = "exit"): Promise<readonly Fired[]> {
    return this.fire("SessionEnd", { reason });
  }

  /** A whole turn that writes files. */
  async turn(prompt: string, files: Readonly<Record<string, string>>): Promise<void> {
    await this.prompt(prompt);
    for (const [path, content] of Object.entries(files)) this.edit(path, content);
    await this.stop();
  }

  says(content: readonly object[]): void {
    this.write({
      type: "assistant",
      message: { id: `msg_${randomUUID()}`, role: "assistant", model: "claude-test", content, usage },
    });
  }

  /** One line of the transcript. */
  write(entry: object): void {
    const envelope = {
      parentUuid: null,
      sessionId: this.sessionId,
      cwd: this.#worktree,
      version: "2.0.0",
      uuid: randomUUID(),
    };
    appendFileSync(
      this.transcript,
      `${JSON.stringify({ ...envelope, timestamp: new Date().toISOString(), ...entry })}\n`,
    );
  }

  /** Runs every command that the settings name for an event, as Claude Code does. */
  async fire(event: string, more: Readonly<Record<string, unknown>>): Promise<readonly Fired[]> {
    const input = {
      session_id: this.sessionId,
      transcript_path: this.transcript,
      cwd: this.#worktree,
      hook_event_name: event,
      ...more,
    };
    const tool = more["tool_name"];
    const commands = commandsIn(this.#worktree, event, typeof tool === "string" ? tool : "");
    return await Promise.all(commands.map((command) => this.#run(command, JSON.stringify(input))));
  }

  #run(command: string, input: string): Promise<Fired> {
    const child = spawn("/bin/sh", ["-c", command], {
      cwd: this.#worktree,
      env: { ...this.#env, CLAUDE_PROJECT_DIR: this.#worktree },
    });
    const said = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => (said.stdout += String(chunk)));
    child.stderr.on("data", (chunk) => (said.stderr += String(chunk)));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, ...said }));
    });
  }
}

export interface FakeAgentParams {
  readonly worktree: string;
  readonly home: string;
  readonly sessionId?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function commandsIn(worktree: string, event: string, tool: string): readonly string[] {
  return [".claude/settings.json", ".claude/settings.local.json"].flatMap((file) => {
    const path = join(worktree, file);
    if (!existsSync(path)) return [];
    const { hooks = {} } = JSON.parse(readFileSync(path, "utf8")) as Settings;
    return (hooks[event] ?? [])
      .filter(({ matcher }) => matcher === undefined || new RegExp(`^(?:${matcher})$`).test(tool))
      .flatMap((group) => group.hooks.map(({ command }) => command));
  });
}

interface Settings {
  readonly hooks?: Readonly<
    Record<
      string,
      readonly { readonly matcher?: string; readonly hooks: readonly { readonly command: string }[] }[]
    >
  >;
}
