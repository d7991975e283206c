import { isCommitHere } from "../reading/commits.ts";
import { whyOutOfReach } from "../repair/out-of-reach.ts";
import type { FlowContext } from "./flow-context.ts";

/**
 * True for a commit that was taken back and swept away since, which is noted in the log: no time brings it back, and what
 * its sessions did waits for the next one. One that is only out of reach is not gone.
 */
export async function isGone(
  { repository, log }: Pick<FlowContext, "repository" | "log">,
  { name, commit }: { readonly name: string; readonly commit: string },
): Promise<boolean> {
  if ((await isCommitHere(repository, commit)) || (await whyOutOfReach(repository)) !== null) return false;
  log(name, `The commit ${commit} is not in this repository any more, and is left out.`);
  return true;
}
