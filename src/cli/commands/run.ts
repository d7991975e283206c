import { randomUUID } from "node:crypto";
import { sessionBusy } from "../../core/lease.ts";
import type { Agent } from "../../core/agent.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { reconcile } from "../../runtime/reconcile.ts";
import { actor } from "../actor.ts";
import { agentNamed, agentRegistry, withAgents } from "../agents.ts";
import { shown, usage } from "../arguments.ts";
import { terminalAsker } from "../ask-permission.ts";
import { AttendedInput, type AttendedParams, heldReason, openRun } from "../attended-input.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { type AskOptions, inputBody } from "../input-body.ts";
import { say, write, writeJson } from "../output.ts";
import type { PricesOption } from "../price-table.ts";
import { recoveryOf } from "../recovery.ts";
import { type Ending, endingOf, lineOf } from "../run-ending.ts";
import { RunLog } from "../run-log.ts";
import { targetSession, type TargetOptions } from "../run-target.ts";
import { keptAlive, stopSignals } from "../stop-signals.ts";
import type { StoreOption } from "../store.ts";
import { shownText } from "../timeline.ts";

/** Asks an agent for one turn of a session, and waits for its end. */
export async function run([prompt = ""]: readonly string[], options: RunOptions): Promise<ExitCode> {
  if (prompt.trim() === "") throw usage("The prompt is empty.", "Say what is asked, in quotes.");
  const labels = labelsOf(options.label ?? []);
  const allowsBypass = options.permissionMode === "bypassPermissions";
  const registry = agentRegistry({ asker: terminalAsker(), allowsBypass });
  const agent = await agentNamed(registry, options.agent);
  const body = inputBody(agent, prompt, options);
  // Before it is asked: what nobody here can answer would wait for a worker that can.
  if (agent.name === "claude") await (await import("../claude-agent.ts")).checkClaude();
  return await withAgents(registry, options, (store) => ask(store, { agent, body, labels }, options));
}

interface Asked {
  readonly agent: Agent;
  readonly body: string;
  readonly labels: Readonly<Record<string, string>>;
}

async function ask(store: Store, { agent, body, labels }: Asked, options: RunOptions): Promise<ExitCode> {
  const session = await targetSession(store, options);
  const recovery = recoveryOf(store, options);
  await reconcile(recovery);
  if (options.wait === false) await refuseBusy(store, session);
  const { key = randomUUID() } = options;
  const { input, admitted } = await store.admit({ session, key, body, provider: agent.provider });
  if (!admitted) say(`The input ${input.id} was admitted before by this key.`);
  const { attended, stopped } = await attend({ recovery, agent, input }, options);
  await describe(store, session, labels, options.resumeKey);
  const ending = endingOf(attended);
  await print(ending, options, admitted);
  return stopped && ending.state === "cancelled" ? exitCodes.stopped : codeOf(ending);
}

interface RunOptions extends StoreOption, TargetOptions, PricesOption, AskOptions {
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

async function attend(
  params: Pick<AttendedParams, "recovery" | "agent" | "input">,
  options: Pick<RunOptions, "json">,
) {
  const log = new RunLog(params.input, options);
  const attended = new AttendedInput({
    ...params,
    actor: actor(),
    onBegin: (claim) => log.begin(claim),
    onEvent: (claim, event) => log.live(claim, event),
    onReplay: (claim, event) => log.replayed(claim, event),
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
  const found = await keptAlive(attended.ended());
  await log.written();
  return { attended: found, stopped: stopped as boolean };
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
