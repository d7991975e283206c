import { randomUUID } from "node:crypto";
import { sessionBusy } from "../../core/lease.ts";
import type { Agent } from "../../core/agent.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input } from "../../core/input.ts";
import type { Claim } from "../../core/run.ts";
import type { Store } from "../../core/store.ts";
import { reconcile } from "../../runtime/reconcile.ts";
import { actor } from "../actor.ts";
import { agentNamed, agentRegistry } from "../agents.ts";
import { shown, usage } from "../arguments.ts";
import { AttendedInput, heldReason, openRun } from "../attended-input.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write, writeJson } from "../output.ts";
import type { PricesOption } from "../price-table.ts";
import { recoveryOf } from "../recovery.ts";
import { type Ending, endingOf, lineOf } from "../run-ending.ts";
import { targetSession, type TargetOptions } from "../run-target.ts";
import { stopSignals } from "../stop-signals.ts";
import { type StoreOption, withNewStore } from "../store.ts";
import { streams } from "../streams.ts";
import { stderrStyle } from "../style.ts";
import { Timeline, shownText } from "../timeline.ts";

/** Asks an agent for one turn of a session, and waits for its end. */
export async function run([prompt = ""]: readonly string[], options: RunOptions): Promise<ExitCode> {
  if (prompt.trim() === "") throw usage("The prompt is empty.", "Say what is asked, in quotes.");
  const labels = labelsOf(options.label ?? []);
  const agent = await agentNamed(agentRegistry(), options.agent);
  return await withNewStore(options, async (store) => {
    const session = await targetSession(store, options);
    const recovery = recoveryOf(store, options);
    await reconcile(recovery);
    if (options.wait === false) await refuseBusy(store, session);
    const { key = randomUUID() } = options;
    const body = JSON.stringify({ prompt });
    const { input, admitted } = await store.admit({ session, key, body, provider: agent.provider });
    if (!admitted) say(`The input ${input.id} was admitted before by this key.`);
    const { attended, stopped } = await attend(recovery, agent, input);
    await describe(store, session, labels, options.resumeKey);
    const ending = endingOf(attended);
    await print(ending, options, admitted);
    return stopped && ending.state === "cancelled" ? exitCodes.stopped : codeOf(ending);
  });
}

interface RunOptions extends StoreOption, TargetOptions, PricesOption {
  readonly agent: string;
  readonly key?: string;
  readonly label?: readonly string[];
  readonly wait: boolean;
  readonly json?: true;
}

function labelsOf(given: readonly string[]): Readonly<Record<string, string>> {
  const pairs = given.map((pair) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
    if (name !== undefined && value !== undefined) return [name, value] as const;
    throw usage(`--label is no name and value: ${shown(pair)}.`, "Give both, such as --label team=core.");
  });
  return Object.fromEntries(pairs);
}

/** Nothing is admitted into a session that would not run it at once. @throws session_busy */
async function refuseBusy(store: Store, session: SessionKey): Promise<void> {
  const lease = await store.lease(session);
  if (lease !== null) throw sessionBusy(lease);
  const open = await openRun(store, session);
  if (open === undefined) return;
  throw new HoldfastError({
    code: "session_busy",
    message: open.state === "held" ? heldReason(open) : `The run ${open.id} of ${open.worker} is open.`,
    next: "Nothing was admitted.",
    data: { ...session, run: open.id },
    retryable: true,
  });
}

async function attend(recovery: ReturnType<typeof recoveryOf>, agent: Agent, input: Input) {
  const log = new RunLog(input);
  const attended = new AttendedInput({
    recovery,
    agent,
    input,
    actor: actor(),
    onBegin: (claim) => log.begin(claim),
    onEvent: (_claim, event) => log.lines(event),
    onEnd: (_claim, ended) => {
      if (ended.as !== "committed") log.tell(`${ended.as}: ${shownText(ended.reason)}`);
    },
    onWait: (reason) => log.tell(`Waiting. ${shownText(reason)}`),
  });
  let stopped = false;
  using _signals = stopSignals(async () => {
    stopped = true;
    log.tell("Stopping: the run is interrupted and its input cancelled. Ctrl-C again ends it at once.");
    await attended.cancel("Stopped by Ctrl-C.");
  });
  return { attended: await attended.ended(), stopped: stopped as boolean };
}

/** What a person sees while it goes on, on stderr: none of it is committed. */
class RunLog {
  readonly #input: Input;
  readonly #style = stderrStyle();
  readonly #timeline: Timeline;

  constructor(input: Input) {
    const { columns, isTTY } = streams().stderr;
    const width = isTTY === true && columns !== undefined && columns > 0 ? columns - 2 : undefined;
    this.#input = input;
    this.#timeline = new Timeline({ style: this.#style, width });
  }

  begin({ run, input }: Claim): void {
    const other = input.id === this.#input.id ? "" : `, of the input ${input.id} that goes first`;
    const place = `session ${harmlessLine(run.session)} of project ${harmlessLine(run.project)}`;
    this.tell(
      `Run ${run.id} in ${place}, attempt ${run.attempt}${other}. What follows is not committed yet:`,
    );
  }

  lines(event: Parameters<Timeline["lines"]>[0]): void {
    const lines = this.#timeline.lines(event, this.#style.dim("┆ "));
    for (const line of lines) say(line);
  }

  tell(line: string): void {
    say(line);
  }
}

async function describe(
  store: Store,
  session: SessionKey,
  labels: Readonly<Record<string, string>>,
  resumeKey: string | undefined,
): Promise<void> {
  const row = await store.session(session);
  if (row === null) return;
  if (Object.keys(labels).length > 0) await store.describe({ session, labels });
  if (resumeKey === undefined || row.resumeKey === resumeKey) return;
  if (row.resumeToken === null) say("The agent gave no token to resume by: the resume key is not kept.");
  else await store.describe({ session, resume: { key: resumeKey, token: row.resumeToken } });
}

async function print(ending: Ending, { json }: RunOptions, admitted: boolean): Promise<void> {
  if (json === true) await writeJson({ ...ending, admitted });
  else await write(`${lineOf(ending)}\n`);
}

function codeOf({ state, ok }: Ending): ExitCode {
  if (state === "held") return exitCodes.problems;
  return ok === true ? exitCodes.ok : exitCodes.failure;
}
