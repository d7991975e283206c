import { isHoldfastError } from "../../core/errors.ts";
import { mark } from "../../core/secret-patterns.ts";
import { redactor } from "../content/redactor.ts";
import { repositoryRedactor } from "../flow/redaction-rules.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Anchor } from "./anchors.ts";
import { patchIdBetween } from "./commit-anchors.ts";
import { type CommitRecord, isCommitHere } from "./commits.ts";
import type { FoundLink } from "./link-file.ts";

/** A checkpoint's commit that is not in the history that is looked at. */
export interface LostAnchor {
  readonly checkpoint: string;
  readonly anchor: Anchor;
}

/** A commit without a trailer. */
export interface Candidate {
  readonly commit: CommitRecord;
  readonly anchor: Anchor;
}

/** Looks for lost commits among candidates, by what is surest first; what was found is not looked for again. */
export class LinkSearch {
  readonly #repository: Repository;
  /** Oldest first: the first that fits is the one that brought the change. */
  readonly #candidates: readonly Candidate[];
  readonly #lost: Set<LostAnchor>;
  readonly #links: FoundLink[] = [];

  constructor({ repository, candidates, lost }: SearchParams) {
    this.#repository = repository;
    this.#candidates = candidates.toReversed();
    this.#lost = new Set(lost);
  }

  async run(): Promise<readonly FoundLink[]> {
    await this.#byTree();
    await this.#byPatch();
    await this.#bySquash();
    await this.#byMessage();
    return this.#links;
  }

  async #byTree(): Promise<void> {
    const byTree = groupBy(this.#candidates, ({ commit }) => commit.tree);
    for (const lost of this.#lost) {
      const same = byTree.get(lost.anchor.tree) ?? [];
      const isAlike = ({ anchor }: Candidate): boolean => hasPatch(anchor, lost.anchor.patchId);
      // Files are often as they were before: after a revert, or where two do the same.
      for (const found of [...same.filter(isAlike), ...same.filter((one) => !isAlike(one))]) {
        const order = await this.#orderOf(lost, found);
        if (order === "before" || (order === "older" && !isAlike(found))) continue;
        const confidence = isAlike(found) || order === "later" ? "certain" : "high";
        this.#link(lost, found, confidence, "its files are exactly those of the commit that was lost");
        // A squash ends in the tree of its last commit, and holds those before as well.
        if (!isAlike(found)) await this.#linkBefore(lost, found);
        break;
      }
    }
  }

  /** The first that is not in the history of a lost commit: what was made anew comes after it. */
  async #notBefore(lost: LostAnchor, candidates: readonly Candidate[]): Promise<Candidate | undefined> {
    for (const one of candidates) if ((await this.#orderOf(lost, one)) !== "before") return one;
    return undefined;
  }

  /** Where a candidate stands to a lost commit: `before` it in its history, committed earlier or not, or unknown here. */
  async #orderOf(
    { anchor }: LostAnchor,
    { commit }: Candidate,
  ): Promise<"before" | "older" | "later" | "unknown"> {
    const isHere = await this.#isHere(anchor.commit);
    for (const id of isHere ? [anchor.commit] : anchor.parents)
      if ((await this.#isHere(id)) && (await this.#isAncestor(commit.id, id))) return "before";
    const lost = isHere ? await this.#repository.objects.commit(anchor.commit) : null;
    if (lost === null) return "unknown";
    return commit.committedAtMs < lost.committer.atMs ? "older" : "later";
  }

  async #isAncestor(ancestor: ObjectId, of: ObjectId): Promise<boolean> {
    const args = ["merge-base", "--is-ancestor", ancestor, of];
    return (await this.#repository.git(args, { codes: [0, 1] })).code === 0;
  }

  async #byPatch(): Promise<void> {
    const byPatch = groupBy(this.#candidates, ({ anchor }) => anchor.patchId ?? "");
    for (const lost of this.#lost) {
      const same = lost.anchor.patchId === null ? [] : (byPatch.get(lost.anchor.patchId) ?? []);
      const found = await this.#notBefore(lost, same);
      if (found !== undefined)
        this.#link(lost, found, "high", "it makes the same change as the commit that was lost");
    }
  }

  /** A whole branch that became one commit: the patches of the branch together are that commit's. */
  async #bySquash(): Promise<void> {
    const parents = new Set([...this.#lost].flatMap(({ anchor }) => anchor.parents));
    const tips = [...this.#lost].filter(({ anchor }) => !parents.has(anchor.commit)).slice(0, maxTips);
    const byPatch = groupBy(this.#candidates, ({ anchor }) => anchor.patchId ?? "");
    const newest = this.#candidates.at(-1)?.commit.id;
    for (const tip of tips) {
      if (newest === undefined || !(await this.#isHere(tip.anchor.commit))) continue;
      const base = await this.#mergeBase(tip.anchor.commit, newest);
      const patch = base === null ? null : await patchIdBetween(this.#repository, base, tip.anchor.commit);
      const [found] = patch === null ? [] : (byPatch.get(patch) ?? []);
      if (found === undefined) continue;
      const reason = "it makes the change of the whole branch that was lost";
      this.#link(tip, found, "high", reason);
      await this.#linkBefore(tip, found, reason);
    }
  }

  async #byMessage(): Promise<void> {
    const named = [...this.#lost].filter(({ anchor }) => saysEnough(anchor.subject));
    const isRedacted = named.some(({ anchor }) => anchor.subject.includes(mark));
    const redact = isRedacted ? await redactionOf(this.#repository) : undefined;
    const texts = this.#candidates.map((candidate) => ({
      candidate,
      subjects: subjectsIn(candidate.commit, redact),
    }));
    for (const lost of named) {
      const { subject } = lost.anchor;
      const fits = texts.filter(
        ({ candidate, subjects }) => subjects.has(subject) && holdsFiles(candidate.anchor, lost.anchor),
      );
      const found = await this.#notBefore(
        lost,
        fits.map(({ candidate }) => candidate),
      );
      if (found !== undefined)
        this.#link(
          lost,
          found,
          "medium",
          "its message names the commit that was lost, and its files hold those",
        );
    }
  }

  async #linkBefore(
    lost: LostAnchor,
    found: Candidate,
    reason = "it ends in the files of the branch that was lost",
  ): Promise<void> {
    const before = await this.#before(lost.anchor.commit, found);
    for (const other of this.#lost)
      if (before.has(other.anchor.commit)) this.#link(other, found, "high", reason);
  }

  /** The commits between what a candidate was built on and a lost commit, as far as they are known here. */
  async #before(commit: ObjectId, { commit: { parents } }: Candidate): Promise<ReadonlySet<ObjectId>> {
    if (await this.#isHere(commit)) {
      const args = ["rev-list", `--max-count=${maxBefore}`, commit, "--not", ...parents, "--"];
      const { stdout } = await this.#repository.git(args);
      return new Set(stdout.toString().split("\n").filter(Boolean));
    }
    const known = new Map([...this.#lost].map(({ anchor }) => [anchor.commit, anchor]));
    const before = new Set<ObjectId>();
    const links = this.#links.find(({ from }) => from === commit);
    let next = links === undefined ? [] : (this.#parentsOf.get(commit) ?? []);
    while (next.length > 0 && before.size < maxBefore) {
      next = next.filter((id) => known.has(id) && !before.has(id));
      for (const id of next) before.add(id);
      next = next.flatMap((id) => known.get(id)!.parents);
    }
    return before;
  }

  readonly #parentsOf = new Map<ObjectId, readonly ObjectId[]>();

  #link(lost: LostAnchor, { commit }: Candidate, confidence: FoundLink["confidence"], reason: string): void {
    this.#lost.delete(lost);
    const { checkpoint, anchor } = lost;
    this.#parentsOf.set(anchor.commit, anchor.parents);
    if (this.#links.some((link) => link.commit === commit.id && link.checkpoint === checkpoint)) return;
    this.#links.push({ commit: commit.id, checkpoint, confidence, from: anchor.commit, reason });
  }

  #isHere(commit: ObjectId): Promise<boolean> {
    return isCommitHere(this.#repository, commit);
  }

  async #mergeBase(a: ObjectId, b: ObjectId): Promise<ObjectId | null> {
    const { code, stdout } = await this.#repository.git(["merge-base", a, b], { codes: [0, 1, 128] });
    return code === 0 ? stdout.toString().trim() : null;
  }
}

interface SearchParams {
  readonly repository: Repository;
  readonly candidates: readonly Candidate[];
  readonly lost: readonly LostAnchor[];
}

const maxTips = 100;
const maxBefore = 1000;
// Shorter ones, such as "wip", are in too many messages.
const minSubject = 8;

function hasPatch({ patchId }: Anchor, other: string | null): boolean {
  return other !== null && patchId === other;
}

// What was redacted is alike in many messages.
function saysEnough(subject: string): boolean {
  return subject.replaceAll(mark, "").length >= minSubject;
}

/** How the subjects of checkpoints are redacted here. */
async function redactionOf(repository: Repository): Promise<(text: string) => string> {
  const rules = await repositoryRedactor(repository).catch((error: unknown) => {
    // A rule that cannot be used keeps all from being written, and nothing from being found.
    if (isHoldfastError(error) && error.code === "redaction_invalid") return redactor();
    throw error;
  });
  return rules.text;
}

/** The lines of a message that may be subjects of what was squashed into it: forges write them as a list. */
function subjectsIn({ message }: CommitRecord, redact?: (text: string) => string): ReadonlySet<string> {
  const lines = message.split("\n").slice(0, 5000);
  // A forge puts the number of the request behind the subject.
  const subjects = lines.map((line) =>
    line
      .replace(/^\s*[*-]\s+/, "")
      .replace(/ \(#\d+\)$/, "")
      .trim(),
  );
  return new Set(redact === undefined ? subjects : [...subjects, ...subjects.map(redact)]);
}

function holdsFiles(holder: Anchor, held: Anchor): boolean {
  if (holder.filesCount > holder.files.length) return holder.filesCount >= held.filesCount;
  const files = new Set(holder.files);
  return held.files.every((file) => files.has(file));
}

function groupBy<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
