import type { KeptLink } from "../core/links.ts";
import type { MadeCommit } from "./git-checkpoints.ts";
import { harmlessLine } from "./harmless.ts";

/** The line that tells what a session's or a run's links lead to; none without links. */
export function linkLines(links: readonly KeptLink[]): readonly string[] {
  if (links.length === 0) return [];
  const shown = links.slice(-mostShown).map(({ url, commit }) => harmlessLine(url ?? `commit ${commit}`));
  const more = links.length > mostShown ? [`${links.length - mostShown} more`] : [];
  return [`links    ${[...shown, ...more].join(" · ")}`];
}

/** The lines that tell which checkpoints a session's commits have, or why they have none. */
export function madeCommitLines(commits: readonly MadeCommit[]): readonly string[] {
  return commits.slice(-mostShown).map((made) => `git      ${madeCommitText(made)}`);
}

/** What became of a commit that a run made, in words. */
export function madeCommitText(made: MadeCommit): string {
  const what =
    "checkpoint" in made
      ? `commit ${made.commit} has the checkpoint ${made.checkpoint}`
      : `commit ${made.commit} has no checkpoint: ${made.without}`;
  return harmlessLine(what).replace(/\.$/, "");
}

/** The newest ones; all of them are in the JSON. */
const mostShown = 8;
