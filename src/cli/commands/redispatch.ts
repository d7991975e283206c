import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { redispatch, type Redispatched, type RedispatchReport } from "../../runtime/redispatch.ts";
import { actor } from "../actor.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import type { SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";
import { shownText } from "../timeline.ts";
import { findWorkSession } from "../work-session.ts";

/** Queues the inputs again that were given up after their last try. */
export async function redispatchInputs(_: readonly string[], options: RedispatchOptions): Promise<ExitCode> {
  const { reason, dryRun = false } = options;
  const report = await withStore(options, async (store) =>
    redispatch({
      store,
      actor: actor(),
      dryRun,
      ...(reason === undefined ? {} : { reason }),
      ...(await chosen(store, options)),
    }),
  );
  if (options.json === true) await writeJson({ ...report });
  else await write(`${linesOf(report).join("\n")}\n`);
  return report.inputs.some(({ result }) => result === "failed") ? exitCodes.problems : exitCodes.ok;
}

interface RedispatchOptions extends StoreOption, SessionOption {
  readonly dryRun?: true;
  readonly session?: string;
  readonly input?: string;
  readonly reason?: string;
  readonly json?: true;
}

async function chosen(
  store: Store,
  { session, project, input }: RedispatchOptions,
): Promise<{ readonly session?: SessionKey; readonly project?: string; readonly input?: string }> {
  const of = project === undefined ? {} : { project };
  return {
    ...of,
    ...(session === undefined ? {} : { session: await findWorkSession(store, session, of) }),
    ...(input === undefined ? {} : { input }),
  };
}

function linesOf({ dryRun, inputs, more }: RedispatchReport): string[] {
  if (inputs.length === 0) return ["Nothing to do: no input was given up."];
  const queued = inputs.filter(({ result }) => result === "queued").length;
  const left = inputs.length - queued;
  const verb = dryRun ? "would be queued" : "queued";
  return [
    ...inputs.map((one) => lineOf(one, verb)),
    `${counted(queued, "input")} ${verb} again${left === 0 ? "" : `, ${left} left`}.`,
    ...(more ? ["There are more: run it again."] : []),
  ];
}

function lineOf(one: Redispatched, verb: string): string {
  const { id, session, run, reason } = one.input;
  const name = `${harmlessLine(id)} of ${harmlessLine(session)}`;
  if (one.result === "failed") return `${name}: failed: ${shownText(one.message)}`;
  if (one.result === "left" && one.because === "open") return `${name}: left, it is ${one.input.state}.`;
  const put = `left, its run ${harmlessLine(run ?? "")} was put aside: name it with --input to queue it again.`;
  if (one.result === "left") return `${name}: ${put}`;
  const why = reason === undefined ? "." : `: ${shownText(reason)}`;
  return `${name}: ${verb} again, behind run ${harmlessLine(run ?? "none")}${why}`;
}
