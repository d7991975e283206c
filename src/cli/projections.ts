import { contentHash } from "../agents/claude/content-hash.ts";
import { usageOf } from "../agents/claude/usage.ts";
import type { Store } from "../core/store.ts";
import { mirrorName } from "../runtime/mirror-projection.ts";
import { ProjectionRunner } from "../runtime/projection-runner.ts";
import type { ProjectionStatus } from "../runtime/projection.ts";
import { sessionStatistics, statisticsName } from "../runtime/session-statistics.ts";
import type { TranscriptReader } from "../runtime/statistics-entry.ts";
import { usageProjection } from "../runtime/usage-projection.ts";
import { gitCheckpoints, gitCheckpointsName } from "./git-checkpoints.ts";
import { harmlessLine } from "./harmless.ts";
import { say } from "./output.ts";
import { packageVersion } from "./package-version.ts";
import { ownPrices, type PricesOption } from "./price-table.ts";

/** The projections of this program. */
export const projectionNames: readonly string[] = [statisticsName, "usage", mirrorName, gitCheckpointsName];

/** What takes this program's projections forward, or one of them. @throws usage for a price table that cannot be read */
export function projectionRunner(store: Store, options: PricesOption, only?: string): ProjectionRunner {
  const readers = [claudeReader(options), { provider: "scripted" }];
  const all = [
    sessionStatistics({ readers }),
    usageProjection({ readers }),
    gitCheckpoints({ cliVersion: `holdfast/${packageVersion()}` }),
  ];
  const projections = all.filter(({ name }) => only === undefined || name === only);
  return new ProjectionRunner({ store, projections, batchSize: 1000 });
}

/** Takes a projection to where the sessions are now, and says so where it could not. */
export async function catchUp(store: Store, name: string, options: PricesOption): Promise<void> {
  const all = await projectionRunner(store, options, name).catchUp();
  const status = all.find((one) => one.name === name);
  if (status !== undefined && (status.lag !== 0 || status.error !== undefined)) say(behind(status));
}

/** How far behind a projection is, and why, in a sentence with the next step. */
export function behind({ name, lag, paused, error }: ProjectionStatus): string {
  const count = lag.toLocaleString("en-US");
  const far = `The projection ${harmlessLine(name)} is ${count} change${lag === 1 ? "" : "s"} behind`;
  if (paused) return `${far}: it is paused. Let it go on with holdfast projections resume ${name}.`;
  if (error === undefined) return `${far}.`;
  return `${far}: ${harmlessLine(error)} Build it anew with holdfast projections rebuild ${name}.`;
}

function claudeReader(options: PricesOption): TranscriptReader {
  const prices = ownPrices(options);
  return {
    provider: "claude-code",
    usageOf: (entries, { session }) => usageOf(entries, { lineage: session, contentHash, prices }),
  };
}
