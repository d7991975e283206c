import type { ExitCode } from "../exit-code.ts";
import { steer, type SteerOptions } from "../projection-status.ts";

/** Lets a projection stand where it is. */
export async function pauseProjection(
  [name = ""]: readonly string[],
  options: SteerOptions,
): Promise<ExitCode> {
  return await steer(options, "is paused", (runner) => runner.pause(name));
}
