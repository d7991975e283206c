import type { KeptLink } from "../core/links.ts";
import { harmlessLine } from "./harmless.ts";

/** The line that tells what a session's or a run's links lead to; none without links. */
export function linkLines(links: readonly KeptLink[]): readonly string[] {
  if (links.length === 0) return [];
  const shown = links.slice(-mostShown).map(({ url, commit }) => harmlessLine(url ?? `commit ${commit}`));
  const more = links.length > mostShown ? [`${links.length - mostShown} more`] : [];
  return [`links    ${[...shown, ...more].join(" · ")}`];
}

/** The newest ones; all of them are in the JSON. */
const mostShown = 8;
