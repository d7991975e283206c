import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { openSteps, stepIn } from "../../src/core/steps.ts";
import { AgentBench, marksIn, type Timeline } from "./agent-bench.ts";
import { AgentProcess } from "./agent-process.ts";
import { allEnded } from "./marked-processes.ts";
import { type Version, versions } from "./sdk.ts";

const leaseMs = 60_000;
const marks = 6;
/** Both releases together. */
const kills: Readonly<Record<Version, number>> = { "0.3.159": 6, "0.3.329": 14 };

describe.each(versions)("a worker that is killed on SDK %s", (version) => {
  test(
    "at any moment loses nothing that was done, does nothing twice, and leaves no process",
    { timeout: 240_000 },
    async () => {
      await using bench = await AgentBench.open({ version, model: { delayMs: 30 } });
      const seed = Number(process.env["HOLDFAST_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
      console.log(`The kills on ${version} are those of HOLDFAST_SEED=${seed}.`);
      const random = randomOf(seed);
      let aheadMs = 0;
      let worker = new AgentProcess(bench.task({ leaseMs }));
      try {
        for (let round = 1; round <= kills[version]; round += 1) {
          const path = join(bench.folder, `marks-${round}`);
          const input = await bench.admit(`MARKS ${marks} ${path}`);
          await killSometime(worker, input.key, random);
          await bench.allEnded();
          const left = marksIn(path);

          aheadMs += leaseMs + 1;
          worker = new AgentProcess(bench.task({ leaseMs, aheadMs, cwd: worker.task.cwd }));
          await worker.until(() =>
            worker.said("ended").some(({ input: key, as }) => key === input.key && as === "committed"),
          );
          await checkRound(bench, { input: input.id, left, path }).catch((cause: unknown) => {
            throw new Error(`Round ${round} of the seed ${seed} went wrong.`, { cause });
          });
        }
        await worker.end();
      } finally {
        await worker[Symbol.asyncDispose]();
      }
      expect(worker.said("error")).toEqual([]);
      await bench.isSound();
      await bench.allEnded();
    },
  );

  test("in the middle of a tool names the tool whose outcome is unknown, ends it, and does not do it again", async () => {
    await using bench = await AgentBench.open({ version });
    const path = join(bench.folder, "marks");
    const dying = new AgentProcess(bench.task({ leaseMs }));
    // One word to the fake model: a mark that is left by a command that goes on for minutes.
    const { id, key } = await bench.admit(`MARK word ${path};sleep\${IFS}600`);
    await dying.until(() => dying.said("event").some(({ type }) => type === "tool_call"));
    while (marksIn(path).length === 0) await delay(20);
    await dying.killed();
    await bench.allEnded();

    const { cwd } = dying.task;
    await using next = new AgentProcess(bench.task({ leaseMs, aheadMs: leaseMs + 1, cwd }));
    await next.until(() => next.said("ended").some(({ input, as }) => input === key && as === "committed"));
    await checkRound(bench, { input: id, left: ["word"], path });
    expect(openSteps(await bench.journal(id))).toMatchObject([{ name: "Bash" }]);
    const results = (await bench.transcript()).flatMap((entry) =>
      blocksOf(entry).filter((one) => one.tool_use_id),
    );
    expect(results).toMatchObject([
      { content: expect.stringMatching(/^tool_outcome_unknown/), is_error: true },
    ]);
    expect(bench.shown().join("\n")).toContain("[result tool_outcome_unknown");
    await next.end();
    await bench.isSound();
    await bench.allEnded();
  });

  test("by a pause past its lease writes nothing more, ends its process, and leaves one branch", async () => {
    await using bench = await AgentBench.open({ version });
    const path = join(bench.folder, "marks");
    const [first, second] = [`${bench.mark}-1`, `${bench.mark}-2`];
    await using paused = new AgentProcess(bench.task({ leaseMs, mark: first, pauseAt: "tool_summary" }));
    const { key } = await bench.admit(`MARKS ${marks} ${path}`);
    await paused.until(() => paused.said("event").some(({ type }) => type === "tool_summary"));
    await paused.paused();

    const { cwd } = paused.task;
    await using other = new AgentProcess(bench.task({ leaseMs, aheadMs: leaseMs + 1, mark: second, cwd }));
    await other.until(() => other.said("ended").some(({ input }) => input === key));
    expect(other.said("ended")).toMatchObject([{ as: "committed" }]);
    const [stored, done] = [await bench.transcript(), marksIn(path)];
    expect(new Set(done).size, done.join()).toBe(done.length);
    // The call that was under way has an outcome that nobody knows: it is told so, and not made again.
    expect(done.length).toBeGreaterThanOrEqual(marks - 1);

    paused.kill("SIGCONT");
    await paused.until(() => paused.said("ended").length > 0);
    expect(paused.said("ended")).toMatchObject([{ as: "lost" }]);
    await allEnded(first, [paused.pid]);
    expect(await bench.transcript()).toEqual(stored);
    expect(marksIn(path)).toEqual(done);
    await Promise.all([paused.end(), other.end()]);
    await bench.isSound();
    await Promise.all([allEnded(first), allEnded(second)]);
  });
});

/** Kills it once it has said so much of an input, and a moment later. */
async function killSometime(worker: AgentProcess, key: string, random: () => number): Promise<void> {
  const count = Math.floor(random() * 22);
  const isThere = (): boolean => worker.said("event").filter(({ input }) => input === key).length >= count;
  const isOver = (): boolean => worker.said("ended").some(({ input }) => input === key);
  await worker.until(() => worker.said("ready").length > 0 && (isThere() || isOver()));
  await delay(random() * 60);
  await worker.killed();
}

/** What people see of an input whose worker was killed, and what the model was told. */
async function checkRound(bench: AgentBench, { input, left, path }: RoundParams): Promise<void> {
  const done = marksIn(path);
  expect(done.slice(0, left.length)).toEqual(left);
  expect(new Set(done).size, done.join()).toBe(done.length);
  const runs = (await bench.timelines()).filter((run) => run.input === input);
  const [before, last] = [runs.slice(0, -1), runs.at(-1)!];
  expect(last.state).toBe("committed");
  for (const { events } of before) expect(events.some(({ type }) => type === "result")).toBe(false);
  isReplayed(before, last);
  await isClosed(bench, input, before);
}

interface RoundParams {
  readonly input: string;
  /** The marks that were there when the worker was dead. */
  readonly left: readonly string[];
  readonly path: string;
}

/** The last run begins with all that those before it showed, in order, each once and marked. */
function isReplayed(before: readonly Timeline[], last: Timeline): void {
  const count = last.events.findIndex((event) => event.replayed !== true && !isMarker(event));
  const [replayed, live] = [last.events.slice(0, count), last.events.slice(count)];
  expect(live.filter((event) => event.replayed === true || isMarker(event))).toEqual([]);
  const shown = replayed.filter((event) => !isMarker(event)).map(comparable);
  const happened = before.flatMap(({ events }) =>
    events.filter((event) => event.replayed !== true && !isMarker(event)),
  );
  // What the transcript tells beyond the events comes behind those of its run.
  let at = 0;
  for (const event of happened.map(comparable)) {
    const next = shown.indexOf(event, at);
    expect(next, `${event} is not among the replayed:\n${shown.join("\n")}`).toBeGreaterThanOrEqual(at);
    at = next + 1;
  }
  const calls = shown
    .filter((event) => event.includes('"type":"tool_call"'))
    .map((event) => (JSON.parse(event) as { call: string }).call);
  expect(new Set(calls).size, calls.join()).toBe(calls.length);
}

function isMarker(event: Timeline["events"][number]): boolean {
  return event.type === "status" && event.status === "replay_started";
}

/** An event without what says where it is shown. */
function comparable({ run: _, replayed: _replayed, ...event }: Timeline["events"][number]): string {
  return JSON.stringify(event);
}

/** Each call that has no summary is told to the model as what the journal knows of it, or was never begun. */
async function isClosed(bench: AgentBench, input: string, interrupted: readonly Timeline[]): Promise<void> {
  const [transcript, journal] = [await bench.transcript(), await bench.journal(input)];
  for (const { run, events } of interrupted) {
    for (const event of events) {
      if (event.type !== "tool_call" || event.replayed === true) continue;
      if (events.some((one) => one.type === "tool_summary" && one.call === event.call)) continue;
      const step = stepIn(journal, { name: event.name, key: event.step! });
      const about = `the call ${event.call} of the run ${run}`;
      const results = transcript.filter((entry) =>
        blocksOf(entry).some((one) => one.tool_use_id === event.call),
      );
      if (!transcript.some((entry) => blocksOf(entry).some(({ id }) => id === event.call))) {
        expect(step, `${about} was begun, and the model is not told`).toBeUndefined();
        continue;
      }
      expect(results, about).toHaveLength(1);
      const { closer } = (results[0]!["holdfast"] ?? {}) as { readonly closer?: string };
      // Without a closer the agent itself had its result.
      if (closer === undefined) continue;
      const known = step === undefined ? "tool_not_started" : "tool_outcome_unknown";
      expect(closer, about).toBe(step?.outcome === undefined ? known : "tool_result");
    }
  }
}

interface Block {
  readonly id?: string;
  readonly tool_use_id?: string;
}

function blocksOf({ message }: Readonly<Record<string, unknown>>): readonly Block[] {
  const { content } = (message ?? {}) as { readonly content?: unknown };
  return Array.isArray(content) ? (content as Block[]) : [];
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
