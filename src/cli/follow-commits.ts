import type { Store } from "../core/store.ts";
import { ProjectionRunner } from "../runtime/projection-runner.ts";
import { gitCheckpoints, gitCheckpointsName } from "./git-checkpoints.ts";
import { packageVersion } from "./package-version.ts";
import type { WorkLog } from "./work-log.ts";

/**
 * Writes git checkpoints beside a worker, which never waits for them; `end` takes along what its last runs committed, as
 * far as there is time. What is left is the next one's.
 */
export function followCommits(store: Store, log: WorkLog): { end(withinMs: number): Promise<void> } {
  const stop = new AbortController();
  const runner = new ProjectionRunner({
    store,
    projections: [
      gitCheckpoints({
        cliVersion: `holdfast/${packageVersion()}`,
        onCommit: (made) => log.checkpoint(made),
      }),
    ],
    batchSize: 1000,
    onStep: ({ error }) => {
      if (error !== undefined) log.failed(error);
    },
  });
  const running = runner.run(stop.signal).catch((error: unknown) => log.failed(error));
  return {
    async end(withinMs) {
      stop.abort();
      await running;
      const late = AbortSignal.timeout(Math.max(0, Math.ceil(withinMs)));
      try {
        const all = await runner.catchUp(late);
        const { lag, paused } = all.find(({ name }) => name === gitCheckpointsName)!;
        if (late.aborted && !paused && lag > 0) log.behind(lag);
      } catch (error) {
        log.failed(error);
      }
    },
  };
}
