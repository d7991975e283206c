import type { ExitCode } from "../exit-code.ts";
import { steer, type SteerOptions } from "../projection-status.ts";

/** Forgets what a projection holds, and builds it anew. */
export async function rebuildProjection(
  [name = ""]: readonly string[],
  options: SteerOptions,
): Promise<ExitCode> {
  return await steer(options, "was built anew", (runner) => runner.rebuild(name));
}
