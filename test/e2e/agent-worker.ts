// A worker of the real agent in a process of its own, until its input ends: node agent-worker.ts TASK
import { writeSync } from "node:fs";
import { Worker } from "../../src/runtime.ts";
import { type AgentTask, agentOf, openTaskStore } from "./agent-task.ts";

const task = JSON.parse(process.argv[2]!) as AgentTask;
const store = await openTaskStore(task);
const agent = await agentOf(task);
let isPaused = false;
const worker = new Worker({
  store,
  agents: [agent],
  owner: task.owner ?? `worker-${process.pid}`,
  leaseMs: task.leaseMs ?? 60_000,
  maxRuns: task.maxRuns ?? 4,
  onEvent: ({ run, input }, { type }) => {
    say({ said: "event", run: run.id, input: input.key, type });
    if (type === task.pauseAt && !isPaused) pause();
  },
  onEnd: ({ run, input }, { as, ...how }) =>
    say({ said: "ended", run: run.id, input: input.key, as, reason: "reason" in how ? how.reason : "" }),
  onRecovered: ({ run, result }) => say({ said: "recovered", run: run.id, as: result }),
  onError: (error) => say({ said: "error", reason: String(error) }),
});
const working = worker.run();
say({ said: "ready" });
for await (const _ of process.stdin);
await worker.stop();
await working;
await agent.close?.();
await store.close();
say({ said: "closed", reason: `${process.memoryUsage().rss}` });

function pause(): void {
  isPaused = true;
  process.kill(process.pid, "SIGSTOP");
}

// At once and whole: what was said before a kill has been said.
function say(line: object): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}
