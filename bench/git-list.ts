import { execFileSync } from "node:child_process";
import fs, { mkdirSync } from "node:fs";
import { join } from "node:path";
import isomorphic from "isomorphic-git";
import { RefsLayout } from "../src/git/layouts/refs.ts";
import { openRepository } from "../src/git/plumbing/open-repository.ts";
import { FactsIndex } from "../src/git/reading/facts-index.ts";
import { handCheckpoints } from "../test/git/many-checkpoints.ts";
import { gitTestEnv } from "../test/git/repositories.ts";
import { interleave, ms, type Row } from "./measure.ts";

const count = 10_000;
const rounds = 5;

/** The list of 10,000 checkpoints, each time by a repository that is opened anew, against git's own list of their refs and isomorphic-git's. */
export async function benchGitList(folder: string): Promise<Row[]> {
  const path = join(folder, "git-list");
  mkdirSync(path);
  git(path, ["init", "-q", "-b", "main", "."]);
  await fill(path);
  const coldMs = await timed(() => list(path));
  const rows: Row[] = [];
  for (const kind of ["refs in files", "packed refs"]) {
    if (kind === "packed refs") git(path, ["pack-refs", "--all"]);
    const times = await interleave(
      [
        { name: "ours", run: () => list(path) },
        { name: "git", run: () => void git(path, ["for-each-ref", "refs/entire/checkpoints/"]) },
        { name: "isomorphic", run: () => listIsomorphic(path) },
      ],
      rounds,
    );
    const [ours, theirs, peer] = [times.get("ours")!, times.get("git")!, times.get("isomorphic")!];
    rows.push({
      what: `list of ${count} checkpoints, warm, ${kind} (cold: ${ms(coldMs)})`,
      ours: ms(ours),
      limit: `${ms(theirs)} (git for-each-ref), ${ms(peer)} (names of isomorphic-git)`,
      ratio: ms(ours),
      bar: "150 ms",
    });
  }
  return rows;
}

async function list(path: string): Promise<void> {
  await using repository = await openRepository({ cwd: path, env: gitTestEnv });
  const source = new RefsLayout(repository);
  const facts = await new FactsIndex({ repository, source }).all();
  if (facts.length !== count || facts[0]?.sessions[0]?.prompt !== "Do it.")
    throw new Error(`${facts.length} checkpoints were listed.`);
}

/** Only the names of the refs: each value of a packed one would cost it the whole file again. */
async function listIsomorphic(path: string): Promise<void> {
  const place = { fs, dir: path, gitdir: join(path, ".git") };
  const names = await isomorphic.listRefs({ ...place, filepath: "refs/entire/checkpoints" });
  if (names.length !== count) throw new Error(`isomorphic-git lists ${names.length} refs.`);
}

async function fill(path: string): Promise<void> {
  await using repository = await openRepository({ cwd: path, env: gitTestEnv });
  await handCheckpoints(repository, count);
}

function git(cwd: string, args: readonly string[]): void {
  execFileSync("git", [...args], { cwd, env: gitTestEnv, maxBuffer: 64 * 1024 * 1024 });
}

async function timed(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}
