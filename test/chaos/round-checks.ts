import { createHash } from "node:crypto";
import type { Entry } from "../../src/core/entry.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Input } from "../../src/core/input.ts";
import { digestLines, discardedLog, eventLog, type Run } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import { clearProjection } from "../../src/runtime/projection-step.ts";
import { ProjectionRunner } from "../../src/runtime/projection-runner.ts";
import { effectsIn, runOf } from "./chaos-agent.ts";
import { chaosProjection } from "./chaos-projection.ts";
import { checkReplay } from "./check-replay.ts";
import type { CrashLine, CrashPlan } from "./crash-plan.ts";
import type { PollingReader } from "./polling-reader.ts";

/** Why an operator resolves what is held. */
export const resolvedReason = "looked it up";

/** All that must hold once a crash was recovered from and the work was done; gives what does not. */
export async function checkRound({ site, plan, lines, reader }: RoundFacts): Promise<readonly string[]> {
  const { store } = site;
  const problems: string[] = [];
  const inputs = await store.inputs({ limit: 1000 });
  const own = inputs.filter(({ project }) => project === plan.project);
  const sessions = [...new Set(plan.inputs.map(({ session }) => session.session))];
  for (const session of sessions) {
    const key = { project: plan.project, session };
    const state = await readState(store, key, own);
    problems.push(
      ...checkRuns(state),
      ...checkVisible(state),
      ...checkSeen(state, reader),
      ...checkUsage(state),
      ...checkSteps(state, site.effects),
      ...checkCalls(state),
      ...checkReplay(state.runs, state.logs),
      ...(await checkRow(store, state)),
      ...checkAcknowledged(state, plan, lines),
    );
  }
  problems.push(...(await checkProjection(store, plan.project)));
  return problems;
}

interface RoundFacts {
  readonly site: { readonly store: Store; readonly effects: string };
  readonly plan: CrashPlan;
  readonly lines: readonly CrashLine[];
  readonly reader: PollingReader;
}

interface State {
  readonly key: SessionKey;
  /** Oldest first. */
  readonly runs: readonly Run[];
  readonly inputs: readonly Input[];
  readonly logs: ReadonlyMap<string, readonly Entry[]>;
  readonly responses: number;
}

async function readState(store: Store, key: SessionKey, inputs: readonly Input[]): Promise<State> {
  const { runs } = await store.runs({ session: key, limit: 1000 });
  const logs = new Map<string, readonly Entry[]>();
  for (const { log } of await store.logs(key))
    logs.set(log, (await store.read({ log: { ...key, log } })).entries);
  const [usage] = await store.usage({ by: "session", session: key });
  return {
    key,
    runs: runs.toReversed(),
    inputs: inputs.filter(({ session }) => session === key.session),
    logs,
    responses: usage?.responses ?? 0,
  };
}

/** Every input ended once; no run of it came behind its commit; attempts are dense and bounded. */
function checkRuns({ key, runs, inputs }: State): string[] {
  const problems: string[] = [];
  for (const input of inputs) {
    const its = runs.filter((run) => run.input === input.id);
    const name = `${key.session} ${input.key}`;
    if (input.state === "queued" || input.state === "running")
      problems.push(`${name}: is still ${input.state}`);
    const committed = its.filter(({ state }) => state === "committed");
    if (committed.length > 1) problems.push(`${name}: was committed ${committed.length} times`);
    if ((input.state === "consumed") !== (committed.length === 1))
      problems.push(`${name}: is ${input.state} with ${committed.length} committed runs`);
    if (committed.length === 1 && its.at(-1)?.state !== "committed")
      problems.push(`${name}: ran behind its commit`);
    // What an operator resumes is no try that failed.
    const tries = its.filter(
      ({ state, reason }) => state !== "interrupted" || reason !== resolvedReason,
    ).length;
    const isDense = its.every(({ attempt }, index) => attempt === index + 1);
    if (!isDense || tries > 3 || tries !== input.attempts)
      problems.push(
        `${name}: attempts ${its.map(({ attempt }) => attempt).join()}, counted ${input.attempts}`,
      );
  }
  const revisions = runs.flatMap(({ receipt }) => (receipt === undefined ? [] : [receipt.revision]));
  if (revisions.some((revision, index) => revision !== index + 1))
    problems.push(`${key.session}: revisions ${revisions.join()}`);
  for (const { id, state, receipt, epoch } of runs) {
    if (state === "running" || state === "held") problems.push(`${id}: is ${state}`);
    if (receipt !== undefined && (receipt.seq !== 1 || receipt.run !== id))
      problems.push(`${id}: has a wrong receipt`);
    if (epoch < 1) problems.push(`${id}: ran under no epoch`);
  }
  const epochs = runs.map(({ epoch }) => epoch);
  if (epochs.some((epoch, index) => index > 0 && epoch <= epochs[index - 1]!))
    problems.push(`${key.session}: epochs ${epochs.join()}`);
  return problems;
}

/** What is visible is of runs that were published, whole, as their receipts tell, byte for byte. */
function checkVisible({ key, runs, logs }: State): string[] {
  const problems: string[] = [];
  for (const [log, entries] of logs)
    if (entries.some(({ seq }, index) => seq !== index + 1))
      problems.push(`${key.session} ${log}: is not dense`);
  for (const { id, receipt, outcome } of runs) {
    if (receipt === undefined) continue;
    const closers = (logs.get("") ?? []).filter(({ body }) => runOf(body) === id && isCloser(body));
    const names = [eventLog(id), ""];
    const parts = names.flatMap((log) => {
      const its = (logs.get(log) ?? []).filter(({ body }) => runOf(body) === id && !isCloser(body));
      if (its.length === 0) return [];
      const hash = createHash("sha256");
      for (const { body } of its) hash.update(`${body}\n`);
      return [{ log, from: its[0]!.seq, to: its.at(-1)!.seq, sha256: hash.digest("hex") }];
    });
    const digest = createHash("sha256")
      .update(digestLines(parts, outcome!, closers))
      .digest("hex");
    if (digest !== receipt.digest) problems.push(`${id}: is not what its receipt tells`);
  }
  return problems;
}

function isCloser(body: string): boolean {
  return (JSON.parse(body) as { holdfast?: { closer?: string } }).holdfast?.closer !== undefined;
}

/** What a reader saw once is there for good. */
function checkSeen({ key, logs }: State, reader: PollingReader): string[] {
  return [...logs].flatMap(([log, entries]) => {
    const seen = [...reader.seen(key.session, log)];
    const missing = seen.filter(([seq, body]) => entries[seq - 1]?.body !== body);
    return missing.length === 0
      ? []
      : [`${key.session} ${log}: ${missing.length} entries that were seen are not there`];
  });
}

/** Each response is counted once, whatever became of its run. */
function checkUsage({ key, logs, responses }: State): string[] {
  const keys = new Set<string>();
  for (const [log, entries] of logs)
    if (log.includes("@run/"))
      for (const { body } of entries) {
        const event = JSON.parse(body) as { type: string; key?: string };
        if (event.type === "usage") keys.add(event.key!);
      }
  return responses === keys.size ? [] : [`${key.session}: ${responses} responses counted of ${keys.size}`];
}

interface StepLine {
  readonly type: string;
  readonly key: string;
  readonly run: string;
  readonly effect: string;
}

/** What took effect did so as often as its class allows, and never behind its recorded result. */
function checkSteps({ key, logs, inputs }: State, path: string): string[] {
  const problems: string[] = [];
  const effects = effectsIn(path);
  const ids = new Set(inputs.map(({ id }) => id));
  for (const { key: step } of effects.filter((one) => ids.has(one.key.split("/")[0]!)))
    if (!(logs.get(`@steps/${step.split("/")[0]}`) ?? []).some(({ body }) => body.includes(`"${step}"`)))
      problems.push(`${step}: took effect, and the journal does not know it`);
  for (const [log, entries] of logs) {
    if (!log.startsWith("@steps/")) continue;
    const lines = entries.map(({ body }) => JSON.parse(body) as StepLine);
    for (const step of new Set(lines.map((line) => line.key))) {
      const its = lines.filter((line) => line.key === step);
      const done = effects.filter((one) => one.key === step);
      const started = its.filter(({ type }) => type === "started").length;
      const name = `${key.session} ${step} (${its[0]!.effect})`;
      if (done.length > started)
        problems.push(`${name}: took effect ${done.length} times, and began ${started} times`);
      if (its[0]!.effect !== "idempotent" && done.length > 1)
        problems.push(`${name}: took effect ${done.length} times`);
      const result = its.findIndex(({ type }) => type === "result");
      if (result !== -1 && result !== its.length - 1) problems.push(`${name}: went on behind its result`);
      if (result !== -1 && done.length === 0) problems.push(`${name}: has a result, and took no effect`);
    }
  }
  return problems;
}

/** What a run said of its tools is what their journal says: the call before the start, the result before the answer. */
function checkCalls({ logs }: State): string[] {
  const all = [...logs].flatMap(([log, entries]) =>
    log.includes("@run/") ? entries.map(({ body }) => JSON.parse(body) as CallEvent) : [],
  );
  const events = all.filter(({ replayed }) => replayed !== true);
  const records = [...logs].flatMap(([log, entries]) =>
    log.startsWith("@steps/") ? entries.map(({ body }) => JSON.parse(body) as StepLine) : [],
  );
  const calls = events.filter(({ type }) => type === "tool_call");
  const unsaid = records.filter(
    ({ type, key, run }) =>
      type === "started" && !calls.some((call) => call.step === key && call.run === run),
  );
  const answered = calls.filter(({ call }) =>
    events.some((event) => event.type === "tool_summary" && event.call === call && event.ok === true),
  );
  const unknown = answered.filter(
    ({ step }) => !records.some(({ type, key }) => type === "result" && key === step),
  );
  return [
    ...unsaid.map(({ key, run }) => `${key}: was begun by ${run} before its call was durable`),
    ...unknown.map(({ step }) => `${step}: was answered, and its result is in no journal`),
  ];
}

interface CallEvent {
  readonly type: string;
  readonly run: string;
  readonly call?: string;
  readonly step?: string;
  readonly ok?: boolean;
  readonly replayed?: boolean;
}

async function checkRow(store: Store, { key, runs, logs }: State): Promise<string[]> {
  const row = await store.session(key);
  const problems: string[] = [];
  if ((await store.lease(key)) !== null) problems.push(`${key.session}: is still leased`);
  const isPublished = [...logs.keys()].some((log) => !log.startsWith("@") || log.startsWith("@run/"));
  if (row === null) return isPublished ? [...problems, `${key.session}: has logs and no row`] : problems;
  const own = [...logs].filter(([log]) => !log.startsWith("@")).flatMap(([, entries]) => entries);
  const length = own.reduce((sum, { body }) => sum + body.length, 0);
  const revision = runs.filter(({ state }) => state === "committed").length;
  const expected = { entries: own.length, length, revision, mainHead: logs.get("")?.length ?? 0 };
  for (const [name, value] of Object.entries(expected))
    if (row[name as keyof typeof expected] !== value)
      problems.push(
        `${key.session}: the row's ${name} is ${row[name as keyof typeof expected]}, not ${value}`,
      );
  return problems;
}

/** All that the process was told is done is done. */
function checkAcknowledged(
  { key, runs, inputs, logs }: State,
  plan: CrashPlan,
  lines: readonly CrashLine[],
): string[] {
  const problems: string[] = [];
  for (const line of lines) {
    if (line.said === "admitted" && line.session === key.session) {
      const input = inputs.find(({ id }) => id === line.id);
      const asked = plan.inputs.find((one) => one.key === line.key);
      if (input?.key !== line.key || input.body !== asked?.body)
        problems.push(`${line.key}: was admitted, and is lost`);
    }
    if (line.said === "staged" && line.session === key.session) {
      const kept = [...(logs.get(line.log) ?? []), ...(logs.get(discardedLog(line.run, line.log)) ?? [])];
      const bodies = new Set(kept.map(({ body }) => body));
      if (line.bodies.some((body) => !bodies.has(body)))
        problems.push(`${line.run} ${line.log}: staged entries are lost`);
    }
    if (line.said === "step" && line.session === key.session) {
      const bodies = new Set((logs.get(line.log) ?? []).map(({ body }) => body));
      if (line.bodies.some((body) => !bodies.has(body)))
        problems.push(`${line.log}: a step's record is lost`);
    }
    const run = "run" in line ? runs.find(({ id }) => id === line.run) : undefined;
    if (run === undefined) continue;
    if (line.said === "committed" && JSON.stringify(line.receipt) !== JSON.stringify(run.receipt))
      problems.push(`${line.run}: was committed, and is ${run.state}`);
    // A run of which its worker said that it failed is never committed later.
    if (line.said === "ended" && line.as !== "lost" && line.as !== "held" && line.as !== run.state)
      problems.push(`${line.run}: ended as ${line.as}, and is ${run.state}`);
  }
  return problems;
}

/** What followed the feed over all crashes is what is built anew from its start. */
async function checkProjection(store: Store, project: string): Promise<string[]> {
  const { sessions } = await store.sessions({ filter: { project }, limit: 1000 });
  const read = async (name: string): Promise<(string | null)[]> =>
    await Promise.all(sessions.map((session) => store.projected({ projection: name, session })));
  const followed = await read(chaosProjection.name);
  const anew = { ...chaosProjection, name: "chaos anew" };
  await clearProjection(store, anew.name);
  await new ProjectionRunner({ store, projections: [anew], batchSize: 1000 }).catchUp();
  const built = await read(anew.name);
  return JSON.stringify(followed) === JSON.stringify(built)
    ? []
    : [`followed ${followed.join()}, built ${built.join()}`];
}
