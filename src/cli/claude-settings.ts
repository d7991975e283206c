import { readFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { findLeftovers } from "../agents/claude/find-transcripts.ts";

/** Claude Code's config folder: the one given, else the environment's, else the one in the home. */
export function claudeConfigDir(given?: string): string {
  return given ?? (process.env["CLAUDE_CONFIG_DIR"] || join(homedir(), ".claude"));
}

/** Config folders that may hold transcripts. */
export interface TranscriptFolders {
  readonly configDir: string;
  readonly resumeDirs: readonly string[];
}

/** Where transcripts are looked for: the folder given alone, else Claude Code's own and what killed hosts left. */
export function transcriptFolders(given?: string): TranscriptFolders {
  if (given !== undefined) return { configDir: given, resumeDirs: [] };
  return { configDir: claudeConfigDir(), resumeDirs: findLeftovers(tmpdir()) };
}

/** All of them. */
export function foldersOf({ configDir, resumeDirs }: TranscriptFolders): readonly string[] {
  return [configDir, ...resumeDirs];
}

/** What Claude Code's own settings say about when it deletes transcripts. */
export function claudeRetention(configDir?: string): RetentionCheck {
  const path = join(claudeConfigDir(configDir), "settings.json");
  const days = cleanupDays(path);
  const check = "retention";
  if (days === "unreadable")
    return {
      check,
      state: "advice",
      message: `${path} cannot be read as JSON: mend it, Claude Code ignores it.`,
    };
  if (days !== undefined && days >= safeDays)
    return { check, state: "ok", message: `Claude Code keeps its transcripts for ${days} days.` };
  const source = days === undefined ? "by default" : `by cleanupPeriodDays in ${path}`;
  return {
    check,
    state: "advice",
    message: `Claude Code deletes its transcripts after ${days ?? defaultDays} days ${source}: run holdfast import more often than that, or set "cleanupPeriodDays": 3650 there (${path}).`,
  };
}

interface RetentionCheck {
  readonly check: "retention";
  readonly state: "ok" | "advice";
  readonly message: string;
}

function cleanupDays(path: string): number | "unreadable" | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
  try {
    const { cleanupPeriodDays: days } = JSON.parse(text) as { readonly cleanupPeriodDays?: unknown };
    return typeof days === "number" ? days : undefined;
  } catch {
    return "unreadable";
  }
}

const defaultDays = 30;
const safeDays = 365;
