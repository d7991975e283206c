import { mendHooks } from "../../git/flow/enable.ts";
import { logFailure } from "../../git/flow/hook-log.ts";
import { work } from "../../git/flow/worker.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";

/** Does what the hooks noted, unless another process is at it. */
export async function workGit(): Promise<ExitCode> {
  const { failed } = await withRepository(async (repository) => {
    await mendHooks(repository).catch((error: unknown) => logFailure(repository.commonDir, "hooks", error));
    return await work({ commonDir: repository.commonDir, handlers: {} });
  });
  return failed > 0 ? exitCodes.failure : exitCodes.ok;
}
