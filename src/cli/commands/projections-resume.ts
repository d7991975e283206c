import type { ExitCode } from "../exit-code.ts";
import { steer, type SteerOptions } from "../projection-status.ts";

/** Lets a paused projection go on. */
export async function resumeProjection(
  [name = ""]: readonly string[],
  options: SteerOptions,
): Promise<ExitCode> {
  return await steer(options, "goes on", (runner) => runner.resume(name));
}
