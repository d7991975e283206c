import { globSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../../../core/errors.ts";
import { fieldsOf, objectIn, textOf } from "../../../core/json.ts";

/** Where agents keep their files on this machine. */
export interface AgentHomes {
  readonly claude: string;
  readonly codex: string;
}

/** An agent whose sessions can be put back. */
export interface AgentFiles {
  readonly agent: "claude-code" | "codex";
  /** The id that the agent knows the session by. */
  readonly session: string;
  readonly path: string;
  /** As typed at a prompt. */
  readonly command: readonly string[];
}

/** The agents' folders: `CLAUDE_CONFIG_DIR` and `CODEX_HOME`, else those in the home folder. */
export function agentHomes(env: Readonly<Record<string, string | undefined>> = process.env): AgentHomes {
  const { CLAUDE_CONFIG_DIR: claude, CODEX_HOME: codex } = env;
  return {
    claude: claude === undefined || claude === "" ? join(homedir(), ".claude") : claude,
    codex: codex === undefined || codex === "" ? join(homedir(), ".codex") : codex,
  };
}

/** Where an agent looks for a session when it is started in a folder; the transcript tells whose it is. @throws resume_refused */
export function agentFilesOf({
  firstLines,
  sessionId,
  agent,
  folder,
  homes,
}: {
  readonly firstLines: readonly string[];
  readonly sessionId: string;
  readonly agent: string | null;
  readonly folder: string;
  readonly homes: AgentHomes;
}): AgentFiles {
  // Some ids carry the day before the agent's own (section 3.2).
  const session = /^\d{4}-\d{2}-\d{2}-(.{8,})$/.exec(sessionId)?.[1] ?? sessionId;
  if (!/^[\w][\w-]{0,99}$/.test(session)) throw unsafeId(sessionId);
  const kind = kindOf(firstLines);
  if (kind === "codex") {
    const path = codexPath(firstLines, session, homes.codex);
    return { agent: kind, session, path, command: ["codex", "resume", session] };
  }
  if (kind === undefined) throw foreignAgent(agent, sessionId);
  const path = join(homes.claude, "projects", claudeProject(folder), `${session}.jsonl`);
  return { agent: kind, session, path, command: ["claude", "--resume", session] };
}

/** The name of a folder's project as Claude Code writes it. */
function claudeProject(folder: string): string {
  return realpathSync(folder)
    .normalize("NFC")
    .replaceAll(/[^a-zA-Z0-9]/g, "-");
}

function kindOf(lines: readonly string[]): AgentFiles["agent"] | undefined {
  for (const line of lines) {
    const fields = objectIn(line) ?? {};
    if (fields["type"] === "session_meta" && fieldsOf(fields["payload"]) !== undefined) return "codex";
    if (textOf(fields["sessionId"]) !== undefined && textOf(fields["type"]) !== undefined)
      return "claude-code";
  }
  return undefined;
}

/** `sessions/2026/02/03/rollout-2026-02-03T06-21-41-<id>.jsonl`; one that is there under another day is that one. */
function codexPath(lines: readonly string[], session: string, home: string): string {
  const [there] = globSync(join("sessions", "*", "*", "*", `rollout-*-${session}.jsonl`), { cwd: home });
  if (there !== undefined) return join(home, there);
  const meta = lines.map((line) => objectIn(line)).find((fields) => fields?.["type"] === "session_meta");
  const told = textOf(fieldsOf(meta?.["payload"])?.["timestamp"]) ?? textOf(meta?.["timestamp"]) ?? "";
  const atMs = Date.parse(told);
  const time = new Date(Number.isNaN(atMs) ? 0 : atMs).toISOString().slice(0, 19);
  const [year = "", month = "", day = ""] = time.slice(0, 10).split("-");
  return join(home, "sessions", year, month, day, `rollout-${time.replaceAll(":", "-")}-${session}.jsonl`);
}

function unsafeId(sessionId: string): HoldfastError {
  return new HoldfastError({
    code: "resume_refused",
    message: `${JSON.stringify(sessionId.slice(0, 100))} can be no session of an agent's.`,
    next: "Look at the checkpoint with: holdfast git explain",
  });
}

function foreignAgent(agent: string | null, sessionId: string): HoldfastError {
  return new HoldfastError({
    code: "resume_refused",
    message: `Sessions of ${JSON.stringify(agent ?? "an unknown agent")} cannot be put back: only Claude Code's and Codex' can.`,
    next: "Read it with: holdfast git explain",
    data: { agent, session: sessionId.slice(0, 100) },
  });
}
