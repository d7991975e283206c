import type { Link } from "./transcript-links.ts";

/** What was said and is on no way to the newest entry: two writers took turns, or the user went back. */
export interface Branch {
  readonly first: Link;
  readonly last: Link;
  /** Where it leaves the conversation, and the entry with which that goes on. */
  readonly fork: Link;
  readonly next: Link;
}

/**
 * The branches that a resume does not show, of links in their reading order. Each way is walked from its newest entry
 * back to where it meets a newer one, so that a long conversation is walked once.
 */
export function branchesOf(links: readonly Link[]): Branch[] {
  const walk = new Walk(links);
  return links.toReversed().flatMap((link) => walk.from(link) ?? []);
}

class Walk {
  readonly #byUuid: ReadonlyMap<string, Link>;
  /** What was walked over, and the entry that comes after it on its way; undefined at the way's end. */
  readonly #next = new Map<Link, Link | undefined>();
  readonly #answers = new Set<string>();

  constructor(links: readonly Link[]) {
    this.#byUuid = new Map(links.flatMap((link) => (link.uuid === undefined ? [] : [[link.uuid, link]])));
  }

  /** Walks back from an entry; the branch that it is the end of, if it is one. */
  from(end: Link): Branch | undefined {
    if (!end.said || this.#next.has(end)) return undefined;
    const way: Link[] = [];
    let [at, next]: (Link | undefined)[] = [end];
    while (at !== undefined && !this.#next.has(at)) {
      this.#next.set(at, next);
      way.push(at);
      next = at;
      at = this.#before(at);
    }
    // A circle is no branch: after a compaction the entry that it comes after may have been put behind it.
    const branch = at === undefined || way.includes(at) ? undefined : this.#branch(way, at);
    for (const { answer } of way) if (answer !== undefined) this.#answers.add(answer);
    return branch;
  }

  #before({ parent, compaction, logicalParent }: Link): Link | undefined {
    return this.#byUuid.get(parent ?? (compaction ? logicalParent : undefined) ?? "");
  }

  #branch(way: readonly Link[], fork: Link): Branch | undefined {
    const next = this.#next.get(fork);
    const lost = way.filter((link) => link.said && !this.#isBeside(link));
    // An entry that was stored before its parent goes on from it, beside nothing.
    if (next === undefined) {
      this.#next.set(fork, way.at(-1));
      return undefined;
    }
    const [last, first] = [lost[0], lost.at(-1)];
    return first === undefined || last === undefined ? undefined : { first, last, fork, next };
  }

  // Tools that ran at the same time: a part of an answer whose other parts are shown, or a result for one.
  #isBeside({ answer, toolResults }: Link): boolean {
    return toolResults.length > 0 || (answer !== undefined && this.#answers.has(answer));
  }
}
