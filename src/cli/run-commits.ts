import type { CommittedRun } from "../runtime/committed-run.ts";
import { headOf } from "../git/flow/place.ts";
import type { Commit, ObjectId } from "../git/plumbing/objects.ts";
import type { Repository } from "../git/plumbing/repository.ts";
import { commitNamed } from "../git/reading/commits.ts";

/** A commit of a run by the name that git told, with its full id, or why it gets no checkpoint. */
export type NamedCommit = { readonly name: string } & (
  | { readonly id: string; readonly branch?: string }
  | { readonly without: string }
);

/** The commits of a run, oldest first, as the repository of the run's folder knows them. */
export async function commitsOf(
  repository: Repository,
  { commits, folder }: Pick<CommittedRun, "commits"> & { readonly folder: string },
): Promise<readonly NamedCommit[]> {
  const found: NamedCommit[] = [];
  const head = headOf(repository);
  const later: Commit[] = [];
  for (const name of commits.toReversed()) {
    const id = await fullId(repository, name);
    const commit = id === null ? null : await repository.objects.commit(id);
    if (id === null || commit === null) {
      found.push({ name, without: `the repository of ${folder} has no commit ${name}` });
    } else if (later.some((other) => isAlike(commit, other)) && (await isLeft(repository, id))) {
      found.push({ name, without: "the run made it anew with git commit --amend" });
    } else {
      // At another commit the branch may be one that was made long after this.
      const branch = head.commit === id ? head.branch : undefined;
      found.push({ name, id, ...(branch === undefined ? {} : { branch }) });
      later.push(commit);
    }
  }
  return found.toReversed();
}

/** A branch may have such a name too, and is not meant. */
async function fullId(repository: Repository, name: string): Promise<string | null> {
  if (!/^[0-9a-f]{7,64}$/.test(name)) return null;
  const id = await commitNamed(repository, name);
  return id?.startsWith(name) === true ? id : null;
}

// What an amend keeps. Two branches that go on from one commit within a second have it in common too.
function isAlike(commit: Commit, later: Commit): boolean {
  const keyOf = ({ parents, author }: Commit): string => JSON.stringify([parents, author]);
  return keyOf(commit) === keyOf(later);
}

/** Whether no ref holds it any more, nor what is checked out in any worktree. */
async function isLeft(repository: Repository, id: ObjectId): Promise<boolean> {
  // Of checkpoints there may be 100,000, and none holds a commit of a person's.
  const refs = ["--exclude=refs/entire/*", "--all"];
  const options = { codes: [0, 128] };
  const { code, stdout } = await repository.git(["rev-list", "--max-count=1", id, "--not", ...refs], options);
  return code === 0 && stdout.toString().trim() === id;
}
