/** What a remote made of one ref. */
export interface PushedRef {
  /**
   * `conflict`: the remote has what is not here, or another one is writing it; a fetch and another push may help.
   * `refused`: the remote does not want it; the same again would be refused again.
   */
  readonly state: "updated" | "up-to-date" | "conflict" | "refused";
  /** As git says it, of a ref that was not taken. */
  readonly reason: string;
}

/** Reads what `git push --porcelain` prints; where it pushed to several URLs, a ref is what the worst of them said. */
export function readPorcelain(text: string): ReadonlyMap<string, PushedRef> {
  const refs = new Map<string, PushedRef>();
  for (const line of text.split("\n")) {
    const [, flag, names, summary] = /^([ +\-*!=])\t([^\t]*)\t(.*)$/.exec(line) ?? [];
    if (flag === undefined) continue;
    const ref = names!.slice(names!.indexOf(":") + 1);
    const told = pushedRef(flag, summary!);
    const before = refs.get(ref);
    if (before === undefined || rank[told.state] > rank[before.state]) refs.set(ref, told);
  }
  return refs;
}

const rank = { "up-to-date": 0, updated: 1, conflict: 2, refused: 3 } as const;

function pushedRef(flag: string, summary: string): PushedRef {
  if (flag === "=") return { state: "up-to-date", reason: "" };
  if (flag !== "!") return { state: "updated", reason: "" };
  const [, kind = "", reason = summary] = /^\[([^\]]*)\](?: \((.*)\))?$/.exec(summary) ?? [];
  const isConflict = kind === "rejected" || races.some((race) => reason.includes(race));
  return { state: isConflict ? "conflict" : "refused", reason: reason === "" ? kind : reason };
}

// What receive-pack says where another push was faster; all else that it refuses is its owner's will.
const races = [
  "non-fast-forward",
  "fetch first",
  "failed to update ref",
  "failed to lock",
  "cannot lock ref",
  "failed to write",
  "incorrect old value provided",
  "reference already exists",
  "failed to report status",
];
