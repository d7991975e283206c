import { type Branch, branchesOf } from "./transcript-branches.ts";
import type { Link } from "./transcript-links.ts";

/** One thing that is wrong with a transcript, in words. */
export interface Finding {
  readonly code:
    | "unreadable"
    | "first_parent"
    | "dangling_parent"
    | "extra_root"
    | "branch"
    | "tool_without_result";
  readonly log: string;
  readonly seq: number;
  readonly message: string;
}

/** All that is wrong with one log. */
export function findingsOf(log: string, links: readonly Link[]): Finding[] {
  const findings = [
    ...unreadable(links),
    ...parents(links),
    ...roots(links),
    ...branchesOf(links).map(branch),
    ...tools(links),
  ];
  return findings.map((finding) => ({ ...finding, log })).toSorted((a, b) => a.seq - b.seq);
}

type Found = Omit<Finding, "log">;

function unreadable(links: readonly Link[]): Found[] {
  const found = links.filter(({ readable }) => !readable);
  return found.map(({ seq }) => ({ code: "unreadable", seq, message: `Entry ${seq} is not readable JSON.` }));
}

function parents(links: readonly Link[]): Found[] {
  const known = new Set(links.map(({ uuid }) => uuid));
  const first = links.find(({ parent }) => parent !== undefined);
  return links.flatMap(({ seq, parent }): Found[] => {
    if (typeof parent !== "string" || known.has(parent)) return [];
    if (seq === first?.seq) {
      const message = `The first linked entry (${seq}) follows ${parent}, which is not here: the beginning is missing.`;
      return [{ code: "first_parent", seq, message }];
    }
    const message = `Entry ${seq} follows ${parent}, which is not here: a resume shows only what comes after.`;
    return [{ code: "dangling_parent", seq, message }];
  });
}

function roots(links: readonly Link[]): Found[] {
  const found = links.filter(
    ({ parent, compaction, uuid }) => parent === null && uuid !== undefined && !compaction,
  );
  return found.slice(1).map(({ seq }) => ({
    code: "extra_root",
    seq,
    message: `Entry ${seq} starts a second conversation: a resume shows only the newest.`,
  }));
}

function branch({ first, last, fork, next }: Branch): Found {
  const what = first.seq === last.seq ? `Entry ${first.seq} is` : `Entries ${first.seq} to ${last.seq} are`;
  const message = `${what} on a branch: entry ${fork.seq} goes on with ${next.seq} too, and a resume shows only the branch that was written last.`;
  return { code: "branch", seq: first.seq, message };
}

function tools(links: readonly Link[]): Found[] {
  const answered = new Set(links.flatMap(({ toolResults }) => toolResults));
  return links.flatMap(({ seq, toolCalls }) =>
    toolCalls
      .filter((id) => !answered.has(id))
      .map((id): Found => {
        const message = `The tool call ${id} in entry ${seq} has no result: whether it ran is not known.`;
        return { code: "tool_without_result", seq, message };
      }),
  );
}
