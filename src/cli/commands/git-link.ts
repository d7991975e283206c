import { findLinks, type FoundLinks } from "../../git/reading/link.ts";
import { keepLinks } from "../../git/reading/link-file.ts";
import { wholeNumber } from "../arguments.ts";
import { lineOf } from "../checkpoint-words.ts";
import { withCheckpoints } from "../checkpoints.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";

/** Finds commits that lost their trailers, as by a squash on a forge. */
export async function linkGit(revisions: readonly string[], options: LinkOptions): Promise<ExitCode> {
  const maxCommits = wholeNumber(options.number ?? "1000", "-n", 1, 1_000_000);
  const { found, added } = await withCheckpoints(async ({ repository, index }) => {
    const asked = revisions.length === 0 ? {} : { revisions };
    const result = await findLinks({ repository, index, maxCommits, ...asked });
    const kept = options.write === true && result.links.length > 0 ? keepLinks(repository, result.links) : 0;
    return { found: result, added: kept };
  });
  if (options.json === true) await writeJson({ ...found, written: options.write === true, added });
  else await write(`${linesOf(found, options.write === true ? added : null).join("\n")}\n`);
  return exitCodes.ok;
}

interface LinkOptions {
  readonly number?: string;
  readonly write?: true;
  readonly json?: true;
}

function linesOf({ links, commits, lost }: FoundLinks, added: number | null): string[] {
  const looked = `${counted(commits, "commit")} without a trailer, ${counted(lost, "commit")} of checkpoints that are not in this history.`;
  const found = links.map(
    ({ commit, checkpoint, confidence, reason }) =>
      `${commit.slice(0, 10)}  ${checkpoint}  ${confidence}: ${lineOf(reason)}`,
  );
  if (links.length === 0) return [looked, "None of them belong together."];
  const kept =
    added === null
      ? "Keep what was found with --write."
      : `${counted(added, "new link")} kept; the commits are as they were.`;
  return [looked, ...found, kept];
}
