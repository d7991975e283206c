import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RescueReport, rescueSession } from "../../agents/claude/rescue.ts";
import { findLeftovers } from "../../agents/claude/find-transcripts.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { asTyped, shown } from "../arguments.ts";
import { claudeConfigDir } from "../claude-settings.ts";
import { counted } from "../columns.ts";
import { oneOnDisk, sessionsOnDisk } from "../disk-session.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { writeImport } from "../import-report.ts";
import { say, writeJson } from "../output.ts";
import { findSession, type SessionOption } from "../session.ts";
import { type StoreOption, withNewStore, withStore } from "../store.ts";

/** Brings in what a killed host left on disk for one session. */
export async function rescue([prefix = ""]: readonly string[], options: RescueOptions): Promise<ExitCode> {
  const [configDir, resumeDirs] = [claudeConfigDir(options.configDir), findLeftovers(tmpdir())];
  const onDisk = prefix === "" ? [] : sessionsOnDisk([configDir, ...resumeDirs], prefix);
  // A store that missed all of a session can start with it, but a mistyped one must not make a store.
  const open = options.project === undefined || onDisk.length === 0 ? withStore : withNewStore;
  const report = await open(options, async (store) => {
    const session = await keyOf(store, { prefix, onDisk }, options);
    const found = await rescueSession({ store, session, configDir, resumeDirs });
    if (found.imported.files === 0) throw notFound(session, configDir, found);
    return found;
  });
  if (options.json === true) await writeJson({ ...report });
  else await tell(report);
  const { imported, verified, warnings } = report;
  const isWhole = imported.problems.length + verified.findings.length + warnings.length === 0;
  return isWhole ? exitCodes.ok : exitCodes.problems;
}

interface RescueOptions extends StoreOption, SessionOption {
  readonly configDir?: string;
  readonly json?: true;
}

async function tell({ imported, verified, warnings }: RescueReport): Promise<void> {
  const { session } = verified.session;
  for (const warning of warnings) say(`warning: ${harmlessLine(warning)}`);
  for (const { message } of verified.findings) say(`problem: ${harmlessLine(message)}`);
  await writeImport(imported, `holdfast import --restore-dropped --session ${asTyped(session)}`);
  if (verified.findings.length > 0)
    say(`${counted(verified.findings.length, "problem")} left: holdfast verify tells where.`);
}

/** The error where there is no file to rescue from; what kept a folder from being read is said before. */
function notFound({ session }: SessionKey, configDir: string, { imported, warnings }: RescueReport) {
  for (const problem of imported.problems) say(`problem: ${harmlessLine(problem)}`);
  for (const warning of warnings) say(`warning: ${harmlessLine(warning)}`);
  const places = [join(configDir, "projects"), join(tmpdir(), "claude-resume-*")];
  return new HoldfastError({
    code: "import_failed",
    message: `Nothing was rescued: there is no transcript ${shown(session)}.jsonl below ${places.join(" or ")}.`,
    next: `Name Claude's config folder with --config-dir; holdfast verify ${asTyped(session)} tells whether the store has it whole.`,
    data: { session, places },
  });
}

async function keyOf(
  store: Store,
  { prefix, onDisk }: { readonly prefix: string; readonly onDisk: readonly string[] },
  options: RescueOptions,
): Promise<SessionKey> {
  try {
    const { project, session } = await findSession(store, prefix, options);
    return { project, session };
  } catch (error) {
    const isNew = isHoldfastError(error) && error.code === "session_unknown";
    if (!isNew || options.project === undefined) throw error;
    return { project: options.project, session: oneOnDisk(onDisk, prefix) };
  }
}
