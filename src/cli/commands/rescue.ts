import { tmpdir } from "node:os";
import { rescueSession } from "../../agents/claude/rescue.ts";
import { findLeftovers } from "../../agents/claude/find-transcripts.ts";
import { unknownSession } from "../../core/checks.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
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
    if (found.imported.files === 0 && found.verified.logs === 0) throw unknownSession(session);
    return found;
  });
  const { imported, verified, warnings } = report;
  if (options.json === true) await writeJson({ ...report });
  else {
    for (const warning of warnings) say(`warning: ${harmlessLine(warning)}`);
    for (const { message } of verified.findings) say(`problem: ${harmlessLine(message)}`);
    await writeImport(imported);
    if (verified.findings.length > 0)
      say(`${counted(verified.findings.length, "problem")} left: holdfast verify tells where.`);
  }
  const isWhole = imported.problems.length + verified.findings.length + warnings.length === 0;
  return isWhole ? exitCodes.ok : exitCodes.problems;
}

interface RescueOptions extends StoreOption, SessionOption {
  readonly configDir?: string;
  readonly json?: true;
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
