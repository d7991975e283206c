import { statSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { verifySession } from "../../agents/claude/verify.ts";
import type { Store, StoreHealth } from "../../core/store.ts";
import type { Check } from "../check.ts";
import { claudeRetention } from "../claude-settings.ts";
import { counted, size } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { databaseUrl } from "../database-url.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { type StoreOption, storeName, withStore } from "../store.ts";
import { stdoutStyle } from "../style.ts";
import { transcriptChecks } from "../transcript-checks.ts";
import { workChecks } from "../work-checks.ts";

/** Checks the store, its disk, the newest sessions and Claude's own settings. */
export async function doctor(_: readonly string[], options: DoctorOptions): Promise<ExitCode> {
  const checks = await withStore(options, async (store) => {
    const health = await store.health({ deep: true });
    return [
      ...storeChecks(health),
      ...unusedUrl(health, options),
      ...(await diskChecks(health)),
      await mirrorCheck(store),
      ...(await workChecks(store)),
      ...(await transcriptChecks(store, options.configDir)),
      claudeRetention(options.configDir),
    ];
  });
  const problems = checks.filter(({ state }) => state === "problem").length;
  if (options.json === true) await writeJson({ problems, checks });
  else await write(checks.map(lineOf).join("\n") + "\n");
  return problems > 0 ? exitCodes.problems : exitCodes.ok;
}

interface DoctorOptions extends StoreOption {
  readonly configDir?: string;
  readonly json?: true;
}

function storeChecks(health: StoreHealth): Check[] {
  const { url, sessions, entries, bytes, schema, latestSchema, problems } = health;
  const held = `${url} holds ${counted(sessions, "session")}, ${counted(entries, "entry")}, ${size(bytes)}B.`;
  return [
    { check: "store", state: "ok", message: held },
    ...problems.map((message): Check => ({ check: "store", state: "problem", message })),
    {
      check: "schema",
      state: schema === latestSchema ? "ok" : "problem",
      message: `The schema is ${schema}; this program knows up to ${latestSchema}.`,
    },
  ];
}

// Whoever expects his sessions there would look for them in vain.
function unusedUrl({ driver }: StoreHealth, options: StoreOption): Check[] {
  if (driver === "postgres" || databaseUrl() === undefined) return [];
  const message =
    storeName(options) === undefined
      ? "DATABASE_URL is not used: its database holds no store; holdfast import --store env:DATABASE_URL makes one."
      : "DATABASE_URL is not used: another store is named; --store env:DATABASE_URL names it.";
  return [{ check: "database-url", state: "ok", message }];
}

async function diskChecks({ url, bytes }: StoreHealth): Promise<Check[]> {
  if (!url.startsWith("sqlite:")) return [];
  const folder = dirname(url.slice("sqlite:".length));
  const { bavail, bsize } = await statfs(folder);
  const freeBytes = bavail * bsize;
  // A migration takes a backup first, so the store must fit once more.
  const isLow = freeBytes < Math.max(leastFreeBytes, bytes);
  const disk = `${size(freeBytes)}B are free beside the store.${isLow ? " Free some space, or move the store with --store." : ""}`;
  return [{ check: "disk", state: isLow ? "problem" : "ok", message: disk }, ...folderCheck(folder)];
}

function folderCheck(folder: string): Check[] {
  const mode = statSync(folder).mode;
  // Whoever may write the folder can replace the file; a sticky folder such as /tmp forbids that.
  if (process.platform === "win32" || (mode & 0o022) === 0 || (mode & 0o1000) !== 0) return [];
  return [
    {
      check: "folder",
      state: "problem",
      message: `Other users can write to ${folder}: run chmod go-w on it.`,
    },
  ];
}

async function mirrorCheck(store: Store): Promise<Check> {
  const { sessions } = await store.sessions({ filter: { provider: "claude-code" }, limit: recentSessions });
  const broken: string[] = [];
  for (const { project, session } of sessions) {
    const { findings } = await verifySession(store, { project, session });
    if (findings.length > 0) broken.push(session);
  }
  const looked = `the newest ${counted(sessions.length, "session")}`;
  if (broken.length === 0) return { check: "mirror", state: "ok", message: `No gap in ${looked}.` };
  const message = `Gaps in ${broken.length} of ${looked}: run holdfast verify ${broken[0]!}, then holdfast rescue ${broken[0]!}.`;
  return { check: "mirror", state: "problem", message };
}

function lineOf({ check, state, message }: Check): string {
  const style = stdoutStyle();
  const shown = state === "problem" ? style.red(state) : state;
  return `${shown}${" ".repeat(8 - state.length)}${check}: ${harmlessLine(message)}`;
}

const leastFreeBytes = 500_000_000;
const recentSessions = 20;
