import { verifySession } from "../../agents/claude/verify.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { shown, usage } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { allSessions } from "../pages.ts";
import { findSession, type SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Looks for what a resume would silently lose, in one session or in all. */
export async function verify([prefix]: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  if ((prefix === undefined) === (options.all !== true))
    throw usage("Name one session, or give --all.", "Run holdfast list to see the sessions.");
  const found = await withStore(options, async (store) => {
    const checked: Checked[] = [];
    for await (const key of chosen(store, prefix, options)) checked.push(await check(store, key));
    return checked;
  });
  const problems = found.reduce((sum, { findings }) => sum + findings.length, 0);
  if (options.json === true) await writeJson({ problems, sessions: found });
  else await write(linesOf(found, problems).join("\n") + "\n");
  return problems > 0 ? exitCodes.problems : exitCodes.ok;
}

interface VerifyOptions extends StoreOption, SessionOption {
  readonly all?: true;
  readonly json?: true;
}

interface Checked extends SessionKey {
  readonly findings: Awaited<ReturnType<typeof verifySession>>["findings"];
}

async function* chosen(
  store: Store,
  prefix: string | undefined,
  options: VerifyOptions,
): AsyncGenerator<SessionKey> {
  if (prefix !== undefined) yield await findSession(store, prefix, options);
  else yield* sessionsOf(store, options.project);
}

async function* sessionsOf(store: Store, project: string | undefined): AsyncGenerator<SessionKey> {
  let isEmpty = true;
  for await (const row of allSessions(store)) {
    if (project !== undefined && row.project !== project) continue;
    isEmpty = false;
    yield row;
  }
  // A mistyped project must not look like one in which all is well.
  if (isEmpty && project !== undefined) throw unknownProject(project);
}

function unknownProject(project: string): HoldfastError {
  return new HoldfastError({
    code: "session_unknown",
    message: `There is no session in project ${shown(project)}.`,
    next: "Run holdfast list to see the projects.",
    data: { project },
  });
}

async function check(store: Store, { project, session }: SessionKey): Promise<Checked> {
  const { findings } = await verifySession(store, { project, session });
  return { project, session, findings };
}

function linesOf(found: readonly Checked[], problems: number): string[] {
  const lines = found.flatMap(({ session, findings }) =>
    findings.map(({ code, log, seq, message }) => {
      const place = `${log === "" ? "main" : log}${seq === undefined ? "" : `:${seq}`}`;
      return harmlessLine(`${session} ${place} ${code}: ${message}`);
    }),
  );
  const sessions = counted(found.length, "session");
  return [
    ...lines,
    problems === 0 ? `${sessions} whole.` : `${counted(problems, "problem")} in ${sessions}.`,
  ];
}
