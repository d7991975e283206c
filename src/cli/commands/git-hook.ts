import { runHook } from "../../git/flow/hook-process.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";

/** What agents and git call; it succeeds whatever happens, because neither is to be disturbed. */
export async function hookGit(words: readonly string[]): Promise<ExitCode> {
  await runHook(words).catch(() => undefined);
  return exitCodes.ok;
}
