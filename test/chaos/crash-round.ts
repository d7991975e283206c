import type { Clock } from "../../src/core/clock.ts";
import type { Store } from "../../src/core/store.ts";
import { ProjectionRunner } from "../../src/runtime/projection-runner.ts";
import { reconcile } from "../../src/runtime/reconcile.ts";
import type { Reconciled } from "../../src/runtime/recover-run.ts";
import { resolveRun } from "../../src/runtime/resolve.ts";
import { Worker } from "../../src/runtime/worker.ts";
import { chaosAgent } from "./chaos-agent.ts";
import { chaosProjection } from "./chaos-projection.ts";
import { type CrashLine, type CrashPlan, type CrashPoint, seededRandom } from "./crash-plan.ts";
import { CrashProcess } from "./crash-process.ts";
import { openPlace } from "./open-place.ts";
import { checkRound, resolvedReason } from "./round-checks.ts";
import { PollingReader } from "./polling-reader.ts";
import { changedSince, rowsOf } from "./rows.ts";

/** One store that crashes go over, one round after the other, with the time between them. */
export class CrashSite implements AsyncDisposable {
  readonly place: string;
  readonly effects: string;
  /** Two handles, as two processes have them. */
  store!: Store;
  other!: Store;
  aheadMs = 0;
  #next: CrashProcess;

  static async open({ place, effects }: CrashSiteParams): Promise<CrashSite> {
    const site = new CrashSite({ place, effects });
    site.store = await openPlace(place, site.clock);
    site.other = await openPlace(place, site.clock);
    return site;
  }

  private constructor({ place, effects }: CrashSiteParams) {
    this.place = place;
    this.effects = effects;
    this.#next = new CrashProcess();
  }

  get clock(): Clock {
    return { now: () => Date.now() + this.aheadMs };
  }

  /** A process that has started already; the next one starts meanwhile. */
  take(): CrashProcess {
    const taken = this.#next;
    this.#next = new CrashProcess();
    return taken;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#next.kill("SIGKILL");
    await this.#next.closed;
    await this.store.close();
    await this.other.close();
  }
}

type CrashSiteParams = Pick<CrashPlan, "place" | "effects">;

/** What a round met, for the tests that every window was hit. */
export interface RoundReport {
  readonly point: string;
  /** Where the process died; undefined: it came to its end. */
  readonly died: string | undefined;
  /** Where another process died that recovered what it left. */
  readonly diedRecovering: string | undefined;
  readonly polls: number;
  readonly during: number;
  readonly settled: readonly Reconciled["result"][];
  readonly problems: readonly string[];
}

const leaseMs = 60_000;

/** Crashes one worker where the seed says, recovers, and checks all that was promised. */
export async function crashRound(site: CrashSite, seed: number): Promise<RoundReport> {
  const random = seededRandom(seed);
  const named = pointOf(seed, random);
  const point = site.place.startsWith("postgres:") ? ofFewStatements(named) : named;
  const project = `chaos-${seed}`;
  const sessions = ["a", "b", "c"].slice(0, 1 + Math.floor(random() * 3));
  const plan: CrashPlan = {
    place: site.place,
    effects: site.effects,
    owner: `crashing-${seed}`,
    leaseMs,
    aheadMs: site.aheadMs,
    maxRuns: 1 + Math.floor(random() * 3),
    work: "inputs",
    follows: true,
    project,
    inputs: inputsOf(project, sessions, random),
    ...point.plan,
  };
  const reader = new PollingReader({ store: site.other, project, sessions });
  await reader.begin();
  const process = site.take();
  const problems: string[] = [];
  const died = await reader.beside(dies(process, plan, { random, problems }));

  const first = await reader.beside(recover(site, { seed, random, problems, point }));
  const { diedRecovering } = first;
  const settled = [...first.settled];
  const linesAgain =
    point.replay === undefined
      ? []
      : await reader.beside(dieReplaying(site, plan, { replay: point.replay, problems }));
  if (linesAgain.length > 0) {
    const more = await reader.beside(
      recover(site, { seed, random, problems, point: { name: point.name, plan: point.plan } }),
    );
    settled.push(...more.settled);
  }
  await reader.beside(finish(site, { project, seed, random, problems }));
  problems.push(...(await checkRound({ site, plan, lines: [...process.lines, ...linesAgain], reader })));
  return {
    point: point.name,
    died,
    diedRecovering,
    polls: reader.polls,
    during: reader.during,
    settled,
    problems: [...reader.faults, ...problems],
  };
}

interface NamedPoint {
  readonly name: string;
  readonly plan: Pick<CrashPlan, "crash" | "refuseCommit">;
  /** A second process dies while it recovers. */
  readonly recovery?: CrashPoint;
  /** A second process dies while it runs what the first one left, and shows that again. */
  readonly replay?: CrashPoint;
}

type MakePoint = (nth: (most: number) => number, turn: number) => Omit<NamedPoint, "name">;

/** The crash points of the boundary, each as often as the others; `turn` counts how often one came. */
const points: Readonly<Record<string, MakePoint>> = {
  "K0 before admit": (nth) => crash("admit", nth(3), "before"),
  "K0 in admit": (nth, turn) => crash("admit", 1, { statement: turn % 12 }),
  "K1 after admit": (nth) => crash("admit", nth(3), "after"),
  "K1 in claim": (nth, turn) => crash("claim", nth(2), { statement: turn % 16 }),
  "K2 after claim": (nth) => crash("claim", nth(2), "after"),
  "K2 while it runs": (nth) => crash("stage", nth(8), nth(2) === 1 ? "before" : "after"),
  "K2 around a step's record": (nth) => crash("step", nth(3), nth(2) === 1 ? "before" : "after"),
  "K2 around a step's effect": (nth, turn) => crash("effect", nth(2), turn % 2 === 1 ? "before" : "after"),
  "K3 in an append": (nth, turn) => crash("stage", nth(8), { statement: turn % 14 }),
  "K4 before commit": (nth) => crash("commit", nth(2), "before"),
  "K5 in commit": (nth, turn) => crash("commit", nth(2), { statement: turn % 30 }),
  "K5 in commit, later": (nth, turn) => crash("commit", nth(2), { statement: (turn + 15) % 30 }),
  "K6 the answer is lost": (nth) => crash("commit", nth(2), { statement: 1000 }),
  "K7 after commit": (nth) => crash("commit", nth(2), "after"),
  "K7 after the end": (nth) => crash("ended", nth(2), nth(2) === 1 ? "before" : "after"),
  "K8 in a projection": (nth, turn) =>
    crash(
      "advance",
      nth(3),
      turn % 3 === 0 ? "before" : turn % 3 === 1 ? "after" : { statement: 1 + (turn % 5) },
    ),
  "K9 refused": (nth) => ({ plan: { refuseCommit: nth(2) } }),
  "K9 refused, and dies": (nth, turn) => ({
    plan: {
      refuseCommit: 1,
      crash: {
        of: "endRun",
        nth: 1,
        at: turn % 3 === 0 ? "before" : turn % 3 === 1 ? "after" : { statement: nth(25) },
      },
    },
  }),
  "recovery dies": (nth, turn) => ({
    ...crash("commit", nth(2), "before"),
    recovery: { of: turn % 2 === 0 ? "commit" : "acquireLease", nth: 1, at: { statement: turn % 30 } },
  }),
  "recovery dies as it interrupts": (nth, turn) => ({
    ...crash("stage", 2 + nth(6), "after"),
    recovery: { of: "endRun", nth: 1, at: { statement: turn % 30 } },
  }),
  "replay dies": (nth, turn) => ({
    ...crash("stage", 2 + nth(6), "after"),
    replay: {
      of: "stage",
      nth: nth(2),
      at: turn % 3 === 0 ? "before" : turn % 3 === 1 ? "after" : { statement: turn % 14 },
    },
  }),
  "replay dies before it begins": (nth) => ({
    ...crash("stage", 2 + nth(6), "after"),
    replay: { of: "claim", nth: nth(2), at: "after" },
  }),
  "any moment": () => ({ plan: {} }),
  "any moment, again": () => ({ plan: {} }),
  "any moment of work and recovery": () => ({ plan: {}, recovery: { of: "ended", nth: 1, at: "before" } }),
};

/** How many rounds go over every point once. */
const pointCount = Object.keys(points).length;

export const pointNames = Object.keys(points);

function pointOf(seed: number, random: () => number): NamedPoint {
  const [name, make] = Object.entries(points)[seed % pointCount]!;
  return { name, ...make((most) => 1 + Math.floor(random() * most), Math.floor(seed / pointCount)) };
}

/** To a server most verbs are one statement or two: else nearly every death would come behind them. */
function ofFewStatements({ name, plan, recovery, replay }: NamedPoint): NamedPoint {
  const crashes = plan.crash === undefined ? plan : { ...plan, crash: sooner(plan.crash) };
  return {
    ...{ name, plan: crashes },
    ...(recovery && { recovery: sooner(recovery) }),
    ...(replay && { replay: sooner(replay) }),
  };
}

function sooner(point: CrashPoint): CrashPoint {
  const { of, at } = point;
  if (typeof at === "string" || at.statement >= 1000) return point;
  return { ...point, at: { statement: at.statement % (of === "endRun" ? 16 : 3) } };
}

function crash(of: CrashPoint["of"], nth: number, at: CrashPoint["at"]): Pick<NamedPoint, "plan"> {
  return { plan: { crash: { of, nth, at } } };
}

function inputsOf(project: string, sessions: readonly string[], random: () => number): CrashPlan["inputs"] {
  return sessions.flatMap((session) =>
    Array.from({ length: 1 + Math.floor(random() * 2) }, (_, index) => {
      const key = `${session}-${index}`;
      return { session: { project, session }, key, body: JSON.stringify({ prompt: promptOf(key, random) }) };
    }),
  );
}

const verbs = [
  "say One.",
  "tool Pay unsafe",
  "tool Put idempotent",
  "tool Look query",
  "usage 3 4",
  "say Two.",
  "slow 1",
];

function promptOf(key: string, random: () => number): string {
  const count = 2 + Math.floor(random() * 4);
  const chosen = Array.from({ length: count }, () => verbs[Math.floor(random() * verbs.length)]);
  return [`say ${key}`, ...chosen, ...(random() < 0.1 ? ["fail It went wrong."] : [])].join("; ");
}

/** Resolves with where it died. */
async function dies(
  process: CrashProcess,
  plan: CrashPlan,
  { random, problems }: Pick<Recovering, "random" | "problems">,
): Promise<string | undefined> {
  await process.until(() => process.said("ready").length > 0);
  process.begin(plan);
  if (plan.crash === undefined && plan.refuseCommit === undefined) {
    const linesBefore = 1 + Math.floor(random() * 40);
    await process.until(() => process.lines.length > linesBefore);
    await pause(random() * 8);
    process.kill("SIGKILL");
  }
  return await deathOf(process, problems);
}

/** Where it died; undefined: it came to its end. That it failed instead is a problem. */
async function deathOf(process: CrashProcess, problems: string[]): Promise<string | undefined> {
  const { code, signal } = await process.closed;
  for (const { message } of process.said("failed")) problems.push(`a process failed: ${message}`);
  if (signal === null && code !== 0) problems.push(`a process ended with code ${code}`);
  return signal === null ? undefined : (process.said("dies").at(-1)?.where ?? "at any moment");
}

// Not to wait for anything: only to be killed somewhere else each time.
async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

interface Recovering {
  readonly seed: number;
  readonly random: () => number;
  readonly problems: string[];
  readonly point: NamedPoint;
}

async function recover(
  site: CrashSite,
  { seed, random, problems, point }: Recovering,
): Promise<Pick<RoundReport, "settled" | "diedRecovering">> {
  const { store, other } = site;
  const live = await reconcile({ store, owner: "early" });
  if (live.runs.length > 0) problems.push("a run was recovered under a live lease");
  site.aheadMs += leaseMs + 1;
  const diedRecovering =
    point.recovery === undefined ? undefined : await dieRecovering(site, { seed, random, problems, point });

  const before = await rowsOf(site.place);
  const foreseen = await reconcile({ store, owner: "dry", dryRun: true });
  if ((await changedSince(before, site.place)).length > 0) problems.push("a dry run wrote");
  const racing = [
    reconcile({ store, owner: "one" }),
    ...(random() < 0.5 ? [reconcile({ store: other, owner: "two" })] : []),
  ];
  const done = (await Promise.all(racing)).flatMap(({ runs }) => runs);
  const settled = done.filter(({ result }) => result !== "skipped");
  for (const one of settled) if (one.result === "failed") problems.push(`recovery failed: ${one.message}`);
  const names = settled.map(({ run, result }) => `${run.id} ${result}`).toSorted();
  const expected = foreseen.runs.map(({ run, result }) => `${run.id} ${result}`).toSorted();
  if (names.join() !== expected.join())
    problems.push(`recovery did ${names.join()}, and foresaw ${expected.join()}`);

  const recovered = await rowsOf(site.place);
  const again = await reconcile({ store, owner: "again" });
  if (again.runs.length > 0) problems.push("the second recovery found something to do");
  const written = await changedSince(recovered, site.place);
  if (written.length > 0) problems.push(`the second recovery wrote ${written.join()}`);
  return { settled: settled.map(({ result }) => result), diedRecovering };
}

/** Another process recovers, and dies too. */
async function dieRecovering(
  site: CrashSite,
  { seed, random, problems, point }: Recovering,
): Promise<string | undefined> {
  const { place, effects, aheadMs } = site;
  const process = site.take();
  await process.until(() => process.said("ready").length > 0);
  const plan: CrashPlan = {
    ...{ place, effects, leaseMs, aheadMs, maxRuns: 1, project: `chaos-${seed}`, inputs: [] },
    owner: `recovering-${seed}`,
    work: "reconcile",
    ...(point.recovery === undefined ? {} : { crash: point.recovery }),
  };
  process.begin(plan);
  if (point.recovery?.of === "ended") {
    await pause(random() * 30);
    process.kill("SIGKILL");
  }
  const died = await deathOf(process, problems);
  site.aheadMs += leaseMs + 1;
  return died;
}

/** Another process takes the work up, and dies too, as a rule while it shows again what was told; gives what it said. */
async function dieReplaying(
  site: CrashSite,
  plan: CrashPlan,
  { replay, problems }: { readonly replay: CrashPoint } & Pick<Recovering, "problems">,
): Promise<readonly CrashLine[]> {
  const process = site.take();
  await process.until(() => process.said("ready").length > 0);
  const { refuseCommit: _, ...rest } = plan;
  const owner = `${plan.owner}-again`;
  process.begin({ ...rest, owner, aheadMs: site.aheadMs, inputs: [], follows: false, crash: replay });
  await deathOf(process, problems);
  return process.lines;
}

/** More than all attempts of all inputs. */
const mostEnds = 30;

interface Finishing extends Pick<Recovering, "seed" | "random" | "problems"> {
  readonly project: string;
}

/** A fresh worker does what is left, and an operator decides what is held. */
async function finish(site: CrashSite, { project, seed, random, problems }: Finishing): Promise<void> {
  const { store, effects, clock } = site;
  const owner = `fresh-${seed}`;
  for (let tries = 0; ; tries += 1) {
    const agents = [chaosAgent({ effects, owner, clock })];
    const onError = (error: unknown): void => void problems.push(`the fresh worker: ${String(error)}`);
    let ends = 0;
    const onEnd = (): void => {
      if ((ends += 1) > mostEnds) void worker.stop();
    };
    const worker: Worker = new Worker({ store, agents, owner, leaseMs, project, onEnd, onError });
    await worker.drain();
    if (ends > mostEnds) problems.push("the fresh worker comes to no end");
    const held = (await store.runs({ state: "held", limit: 1000 })).runs.filter(
      (run) => run.project === project,
    );
    if (held.length === 0) break;
    if (tries === 10) problems.push(`${held.length} runs are held for ever`);
    if (tries === 10) break;
    for (const { id } of held) {
      const as = (["commit", "discard", "resume"] as const)[Math.floor(random() * 3)]!;
      await resolveRun({ store, run: id, as, actor: "operator", reason: resolvedReason, owner: "operator" });
    }
  }
  const runner = new ProjectionRunner({ store, projections: [chaosProjection], batchSize: 5 });
  await runner.catchUp();
}
