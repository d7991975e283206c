import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { AgentBench, marksIn } from "./agent-bench.ts";
import { AgentProcess } from "./agent-process.ts";
import { agentProcesses } from "./marked-processes.ts";

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
        samples.push(agentProcesses(bench.mark, worker.pid).length);
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
