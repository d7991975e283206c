import type { Store } from "../core/store.ts";
import { ProjectionRunner } from "../runtime/projection-runner.ts";
import { gitCheckpoints } from "./git-checkpoints.ts";
import { packageVersion } from "./package-version.ts";
import type { WorkLog } from "./work-log.ts";

/** Writes git checkpoints beside a worker, which never waits for them; `end` takes along what its last runs committed. */
export function followCommits(store: Store, log: WorkLog): { end(): Promise<void> } {
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
    async end() {
      stop.abort();
      await running;
      await runner.catchUp().catch((error: unknown) => log.failed(error));
    },
  };
}
