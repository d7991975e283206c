import type { Lease } from "../../core/lease.ts";
import { actor } from "../actor.ts";
import { openRun } from "../attended-input.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write, writeJson } from "../output.ts";
import type { SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";
import { findWorkSession } from "../work-session.ts";

/** Ends whoever writes a session, and lets its agent start without its resume token; the history stays. */
export async function clearSession(
  [prefix = ""]: readonly string[],
  options: ClearOptions,
): Promise<ExitCode> {
  const { dryRun = false, reason } = options;
  await withStore(options, async (store) => {
    const session = await findWorkSession(store, prefix, options);
    const row = await store.session(session);
    const hasToken = row !== null && row.resumeToken !== null;
    const why = reason === undefined ? {} : { reason };
    const { cleared, epoch } = dryRun
      ? { cleared: await store.lease(session), epoch: null }
      : await store.clearLease({ session, actor: actor(), ...why });
    const open = await openRun(store, session);
    if (options.json === true)
      return await writeJson({
        ...session,
        dryRun,
        cleared,
        epoch,
        hadToken: hasToken,
        run: open?.id ?? null,
      });
    await write(`${lineOf(session.session, { cleared, hasToken, dryRun })}\n`);
    if (open !== undefined) say(`Its run ${open.id} is open: ${nextFor(open)}.`);
  });
  return exitCodes.ok;
}

interface ClearOptions extends StoreOption, SessionOption {
  readonly reason?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

interface Cleared {
  readonly cleared: Lease | null;
  readonly hasToken: boolean;
  readonly dryRun: boolean;
}

function lineOf(session: string, { cleared, hasToken, dryRun }: Cleared): string {
  const lease = cleared === null ? "no live lease" : `the lease of ${harmlessLine(cleared.owner)}`;
  const token = hasToken ? "its resume token" : "no resume token";
  return `${dryRun ? "Would clear" : "Cleared"} ${harmlessLine(session)}: ${lease}, ${token}.`;
}

function nextFor({ id, state }: { readonly id: string; readonly state: string }): string {
  return state === "held"
    ? `holdfast runs resolve ${harmlessLine(id)} ends it`
    : "holdfast reconcile ends it";
}
