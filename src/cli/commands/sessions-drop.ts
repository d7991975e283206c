import { unknownSession } from "../../core/checks.ts";
import { actor } from "../actor.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write, writeJson } from "../output.ts";
import { artifactsLine, artifactsOf } from "../removal.ts";
import type { SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";
import { findWorkSession } from "../work-session.ts";

/** Removes a session with all that belongs to it; a tombstone stays. */
export async function dropSession([prefix = ""]: readonly string[], options: DropOptions): Promise<ExitCode> {
  const { dryRun = false, reason } = options;
  await withStore(options, async (store) => {
    const session = await findWorkSession(store, prefix, options);
    const found = await artifactsOf(store, session);
    // A drop of nothing would still go on record.
    if ((await store.session(session)) === null && found.runs + found.inputs === 0)
      throw unknownSession(session);
    const lease = await store.lease(session);
    if (lease !== null) say(`It is written by ${harmlessLine(lease.owner)}, whose next write is refused.`);
    const why = reason === undefined ? {} : { reason };
    if (!dryRun) await store.drop({ session, actor: actor(), ...why });
    if (options.json === true) return await writeJson({ ...session, dryRun, lease, ...found });
    const verb = dryRun ? "Would remove" : "Removed";
    await write(`${verb} ${harmlessLine(session.session)}: ${artifactsLine(found)}.\n`);
  });
  return exitCodes.ok;
}

interface DropOptions extends StoreOption, SessionOption {
  readonly reason?: string;
  readonly dryRun?: true;
  readonly json?: true;
}
