import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { AgentBench, marksIn, project, type Timeline } from "./agent-bench.ts";
import { AgentProcess } from "./agent-process.ts";
import { agentProcesses, allEnded } from "./marked-processes.ts";
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
          // What was there before the restart is there now, and nothing of it twice.
          const now = marksIn(path);
          expect(now.slice(0, left.length), `round ${round}`).toEqual(left);
          expect(new Set(now).size, `round ${round}: ${now.join()}`).toBe(now.length);
          await checkRound(bench, { input: input.id, done: now, round });
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

  test("by a pause past its lease writes nothing more, ends its process, and leaves one branch", async () => {
    await using bench = await AgentBench.open({ version, model: { delayMs: 100 } });
    const path = join(bench.folder, "marks");
    const [first, second] = [`${bench.mark}-1`, `${bench.mark}-2`];
    await using paused = new AgentProcess(bench.task({ leaseMs, mark: first }));
    await using other = new AgentProcess(
      bench.task({ leaseMs, aheadMs: leaseMs + 1, mark: second, cwd: paused.task.cwd }),
    );
    await other.until(() => other.said("ready").length > 0);
    // Only the first takes it: by the other's time its lease has run out at once, so it is held still meanwhile.
    other.kill("SIGSTOP");
    const { key } = await bench.admit(`MARKS ${marks} ${path}`);
    await paused.until(() => paused.said("event").some(({ type }) => type === "tool_summary"));
    paused.kill("SIGSTOP");
    other.kill("SIGCONT");
    await other.until(() => other.said("ended").some(({ input }) => input === key));
    expect(other.said("ended")).toMatchObject([{ as: "committed" }]);
    const [stored, done] = [await bench.transcript(), marksIn(path)];

    paused.kill("SIGCONT");
    await paused.until(() => paused.said("ended").length > 0);
    expect(paused.said("ended")).toMatchObject([{ as: "lost" }]);
    await allEnded(first, [paused.pid]);
    expect(await bench.transcript()).toEqual(stored);
    expect(marksIn(path)).toEqual(done);
    expect(new Set(done).size, done.join()).toBe(done.length);
    await Promise.all([paused.end(), other.end()]);
    await bench.isSound();
    await Promise.all([allEnded(first), allEnded(second)]);
  });
});

test(
  "Thirty sessions at once under six processes all come to their end, and leave nothing behind",
  { timeout: 240_000 },
  async () => {
    await using bench = await AgentBench.open({ version: "0.3.329" });
    const sessions = Array.from({ length: 30 }, (_, index) => `s-${index}`);
    await using worker = new AgentProcess(bench.task({ maxProcesses: 6, maxRuns: 30 }));
    await worker.until(() => worker.said("ready").length > 0);
    const samples: number[] = [];
    const stop = new AbortController();
    const sampling = (async () => {
      while (!stop.signal.aborted) {
        samples.push(agentProcesses(bench.mark).length);
        await delay(100);
      }
    })();
    for (const session of sessions)
      await bench.admit(`MARK ${session} ${join(bench.folder, "marks")}`, session);
    await worker.until(() => worker.said("ended").length === sessions.length);
    stop.abort();
    await sampling;
    expect(worker.said("ended").map(({ as }) => as)).toEqual(sessions.map(() => "committed"));
    expect(marksIn(join(bench.folder, "marks")).toSorted()).toEqual(sessions.toSorted());
    expect(Math.max(...samples)).toBeLessThanOrEqual(6);
    expect(Math.max(...samples)).toBeGreaterThan(1);
    await worker.end();
    const [{ reason: rss } = {}] = worker.said("closed");
    expect(Number(rss) / 2 ** 20).toBeLessThan(400);
    await bench.allEnded();
  },
);

/** Kills it once it has said so much of an input, and a moment later. */
async function killSometime(worker: AgentProcess, key: string, random: () => number): Promise<void> {
  const count = Math.floor(random() * 22);
  const isThere = (): boolean => worker.said("event").filter(({ input }) => input === key).length >= count;
  const isOver = (): boolean => worker.said("ended").some(({ input }) => input === key);
  await worker.until(() => worker.said("ready").length > 0 && (isThere() || isOver()));
  await delay(random() * 60);
  await worker.killed();
}

/** What people see of an input whose worker was killed. */
async function checkRound(bench: AgentBench, { input, done, round }: RoundParams): Promise<void> {
  const runs = (await bench.timelines()).filter((run) => run.input === input);
  const last = runs.at(-1)!;
  expect(last.state, `round ${round}`).toBe("committed");
  for (const { events } of runs.slice(0, -1))
    expect(events.some(({ type }) => type === "result")).toBe(false);
  isReplayed(runs.slice(0, -1), last, round);
  await isClosed(bench, runs.slice(0, -1), { done, round });
}

interface RoundParams {
  readonly input: string;
  readonly done: readonly string[];
  readonly round: number;
}

/** The last run begins with all that those before it showed, each once, in order and marked. */
function isReplayed(before: readonly Timeline[], last: Timeline, round: number): void {
  const replayed = last.events.filter((event) => event.replayed === true);
  expect(last.events.slice(0, replayed.length).length).toBe(replayed.length);
  for (const { run, events } of before) {
    const own = events.filter((event) => event.replayed === undefined && !isMarker(event));
    const shown = replayed.filter((event) => (event as { of?: string }).of !== run).map(comparable);
    for (const event of own.map(comparable)) {
      const count = shown.filter((one) => one === event).length;
      const given = own.map(comparable).filter((one) => one === event).length;
      expect(count, `round ${round}: ${event}`).toBe(given);
    }
  }
}

function isMarker(event: Timeline["events"][number]): boolean {
  return event.type === "status" && event.status === "replay_started";
}

/** An event without what says where it is shown. */
function comparable({ run: _, replayed: _replayed, ...event }: Timeline["events"][number]): string {
  return JSON.stringify(event);
}

/** Each call that has no result is told to the model as what the journal knows of it. */
async function isClosed(
  bench: AgentBench,
  interrupted: readonly Timeline[],
  { done, round }: Omit<RoundParams, "input">,
): Promise<void> {
  const transcript = await bench.transcript();
  for (const { run, events } of interrupted) {
    const calls = events.filter((event) => event.type === "tool_call" && event.replayed === undefined);
    for (const event of calls) {
      if (event.type !== "tool_call") continue;
      const isTold = events.some((one) => one.type === "tool_summary" && one.call === event.call);
      if (isTold) continue;
      const closers = transcript.filter((entry) =>
        JSON.stringify(entry["message"] ?? "").includes(`"tool_use_id":"${event.call}"`),
      );
      expect(
        closers,
        `round ${round}: the call ${event.call} of the run ${run} has ${closers.length} results`,
      ).toHaveLength(1);
      const kind = (closers[0]!["holdfast"] as { closer?: string } | undefined)?.closer;
      const word = /echo (\S+) /.exec(JSON.stringify(event.input))?.[1] ?? "";
      if (kind === "tool_not_started")
        expect(done.filter((one) => one === word).length).toBeLessThanOrEqual(1);
    }
  }
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

export { project };
