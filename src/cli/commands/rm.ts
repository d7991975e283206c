import { userInfo } from "node:os";
import type { SessionRow, Store } from "../../core/store.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { chosenLog } from "../pages.ts";
import { findSession, type SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Removes a session, or one log of it. */
export async function rm([prefix = ""]: readonly string[], options: RmOptions): Promise<ExitCode> {
  await withStore(options, async (store) => {
    const row = await findSession(store, prefix, options);
    const { project, session } = row;
    if (options.log !== undefined) await chosenLog(store, row, options.log);
    const what = await remove(store, row, options);
    const facts = { project, session, log: options.log ?? null, dryRun: options.dryRun === true };
    if (options.json === true) return await writeJson({ ...facts, ...what });
    const verb = options.dryRun === true ? "Would remove" : "Removed";
    const name = harmlessLine(options.log === undefined ? session : `${options.log} of ${session}`);
    await write(`${verb} ${name}: ${counted(what.logs, "log")}, ${counted(what.entries, "entry")}.\n`);
  });
  return exitCodes.ok;
}

interface RmOptions extends StoreOption, SessionOption {
  readonly log?: string;
  readonly reason?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

interface Removed {
  readonly logs: number;
  readonly entries: number;
}

async function remove(
  store: Store,
  { project, session }: SessionRow,
  { log, reason, dryRun }: RmOptions,
): Promise<Removed> {
  if (dryRun !== true) {
    const { logs, entries } = await store.drop({
      session: { project, session },
      ...(log === undefined ? {} : { log }),
      actor: `cli:${userName()}`,
      ...(reason === undefined ? {} : { reason }),
    });
    return { logs, entries };
  }
  const all = await store.logs({ project, session });
  const rows = log === undefined ? all : all.filter((row) => row.log === log);
  return { logs: rows.length, entries: rows.reduce((sum, { head }) => sum + head, 0) };
}

// A container may run under a user id that has no name.
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}
