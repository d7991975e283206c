// A process that works until it dies where its plan says; the plan comes as a line on standard input.
import { createInterface } from "node:readline";
import { ProjectionRunner } from "../../src/runtime/projection-runner.ts";
import { reconcile } from "../../src/runtime/reconcile.ts";
import { Worker } from "../../src/runtime/worker.ts";
import { chaosAgent } from "./chaos-agent.ts";
import { chaosProjection } from "./chaos-projection.ts";
import type { CrashPlan } from "./crash-plan.ts";
import { openPlace } from "./open-place.ts";
import { CrashPoints, crashingStore, say } from "./crash-points.ts";

say({ said: "ready" });
for await (const line of createInterface({ input: process.stdin })) {
  await work(JSON.parse(line) as CrashPlan);
  break;
}
process.exit(0);

async function work(plan: CrashPlan): Promise<void> {
  const { place, owner, leaseMs, maxRuns, effects, aheadMs, project } = plan;
  const clock = { now: () => Date.now() + aheadMs };
  const points = new CrashPoints(plan);
  const store = crashingStore(await openPlace(place, clock), plan, points);
  try {
    if (plan.work === "reconcile") await reconcile({ store, owner, leaseMs });
    else {
      await Promise.all(plan.inputs.map((input) => store.admit({ ...input, provider: "scripted" })));
      const around = (effect: () => void): void => points.aroundNow("effect", effect);
      const agents = [chaosAgent({ effects, owner, clock, around })];
      let ends = 0;
      const worker: Worker = new Worker({
        ...{ store, agents, owner, leaseMs, maxRuns, project },
        onEnd: ({ run }, { as }) => {
          points.aroundNow("ended", () => say({ said: "ended", run: run.id, as }));
          // More than all attempts of all inputs: it would go on for ever.
          if ((ends += 1) > 60) void worker.stop();
        },
      });
      await worker.drain();
      const runner = new ProjectionRunner({ store, projections: [chaosProjection], batchSize: 7 });
      if (plan.follows === true) await runner.catchUp();
    }
    await store.close();
    say({ said: "done" });
  } catch (error) {
    say({ said: "failed", message: String(error) });
  }
}
