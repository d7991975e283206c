import { existsSync } from "node:fs";
import { mendHooks } from "../../git/flow/enable.ts";
import { workOnFlow } from "../../git/flow/flow-worker.ts";
import { flowPaths } from "../../git/flow/flow-paths.ts";
import { logFailure } from "../../git/flow/hook-log.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { write, writeJson } from "../output.ts";
import { counted } from "../columns.ts";
import { packageVersion } from "../package-version.ts";

/** Does what the hooks noted, unless another process is at it; ends with 3 where something is left. */
export async function workGit(_: readonly string[], options: WorkOptions): Promise<ExitCode> {
  const worked = await withRepository(async (repository) => {
    await mendHooks(repository).catch((error: unknown) => logFailure(repository.commonDir, "hooks", error));
    // Disabled since it was started: nothing waits, and it would make the folder anew.
    if (!existsSync(flowPaths(repository.commonDir).root))
      return { held: true, done: 0, failed: 0, aside: 0 };
    return await workOnFlow({
      repository,
      cliVersion: `holdfast/${packageVersion()}`,
      isOnce: options.once === true,
      isRetry: options.retry === true,
    });
  });
  const { held, done, failed, aside } = worked;
  if (options.json === true) await writeJson({ ...worked });
  else if (!held) await write("Another worker is at it.\n");
  else await write(`${counted(done, "event")} done, ${failed} failed, ${aside} set aside.\n`);
  return failed + aside > 0 ? exitCodes.problems : exitCodes.ok;
}

interface WorkOptions {
  readonly once?: true;
  readonly retry?: true;
  readonly json?: true;
}
