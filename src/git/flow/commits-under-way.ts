import type { Repository } from "../plumbing/repository.ts";
import { isCommitHere } from "../reading/commits.ts";
import { isObjectId, rewrittenIn } from "./commit-event.ts";
import { fieldOf, type FlowEvent, Spool } from "./spool.ts";

/** The events of commits, by their names, that wait for their work. */
export function waitingCommits(repository: Repository): readonly string[] {
  const spool = new Spool(repository);
  return spool.names().filter((name) => commitsOf(spool.read(name)).length > 0);
}

/** Those set aside of which somebody may still make a checkpoint: they can be read, and their commits are here. */
export async function commitsAside(repository: Repository): Promise<readonly string[]> {
  const spool = new Spool(repository);
  const found = [];
  for (const { name } of spool.aside())
    if (await isOneHere(repository, commitsOf(spool.readAside(name)))) found.push(name);
  return found;
}

function commitsOf(event: FlowEvent | string | undefined): readonly string[] {
  if (typeof event !== "object") return [];
  if (event.kind === "post-rewrite") return [...rewrittenIn(event.body).values()];
  const commit = event.kind === "post-commit" ? fieldOf(event, "commit") : undefined;
  return isObjectId(commit) ? [commit] : [];
}

async function isOneHere(repository: Repository, commits: readonly string[]): Promise<boolean> {
  for (const commit of commits) if (await isCommitHere(repository, commit)) return true;
  return false;
}
