import { mirrorLedger, mirrorName } from "./mirror-projection.ts";
import type { MirrorPair } from "./mirror-session.ts";
import { ProjectionRunner } from "./projection-runner.ts";
import type { ProjectionStatus } from "./projection.ts";

/** Where a mirror stands by what both stores say; null: nothing was ever mirrored there. */
export async function mirrorStatus(pair: MirrorPair): Promise<ProjectionStatus | null> {
  const runner = new ProjectionRunner({ store: mirrorLedger(pair), projections: [] });
  return (await runner.list()).find(({ name }) => name === mirrorName) ?? null;
}
