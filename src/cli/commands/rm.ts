import { rememberRemoval } from "../../agents/claude/import-record.ts";
import { unknownSession } from "../../core/checks.ts";
import { isOwnLog, type SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { actor } from "../actor.ts";
import { shown, usage } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { chosenLog } from "../pages.ts";
import { findSession, type SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Removes a session, or one log of it. */
export async function rm([prefix = ""]: readonly string[], options: RmOptions): Promise<ExitCode> {
  const { log, dryRun = false } = options;
  // Holdfast's own logs say how the others are read; without them a session would be read wrongly.
  if (log !== undefined && isOwnLog(log))
    throw usage(`The log ${shown(log)} is Holdfast's own.`, "Remove the session, or another log of it.");
  await withStore(options, async (store) => {
    const { project, session } = await findSession(store, prefix, options);
    const what = await contentOf(store, { project, session }, log);
    if (!dryRun) await remove(store, { project, session }, options);
    if (options.json === true)
      return await writeJson({ project, session, log: log ?? null, dryRun, ...what });
    const verb = dryRun ? "Would remove" : "Removed";
    const name = log === undefined ? session : `${log || "the main log"} of ${session}`;
    const size = `${counted(what.logs, "log")}, ${counted(what.entries, "entry")}`;
    await write(`${verb} ${harmlessLine(name)}: ${size}.\n`);
  });
  return exitCodes.ok;
}

interface RmOptions extends StoreOption, SessionOption {
  readonly log?: string;
  readonly reason?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** What goes, as `list` and `show` count it: without Holdfast's own logs. */
async function contentOf(store: Store, key: SessionKey, log: string | undefined) {
  if (log !== undefined) await chosenLog(store, key, log);
  const all = (await store.logs(key)).filter((row) => !isOwnLog(row.log));
  const rows = log === undefined ? all : all.filter((row) => row.log === log);
  return { logs: rows.length, entries: rows.reduce((sum, { head }) => sum + head, 0) };
}

async function remove(store: Store, session: SessionKey, { log, reason }: RmOptions): Promise<void> {
  // An import that has never seen this log would take it for a new one.
  if (log !== undefined) await rememberRemoval(store, { ...session, log });
  const { dropped } = await store.drop({
    session,
    ...(log === undefined ? {} : { log }),
    actor: actor(),
    ...(reason === undefined ? {} : { reason }),
  });
  if (!dropped) throw unknownSession(session);
}
