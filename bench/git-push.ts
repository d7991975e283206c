import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openRepository } from "../src/git/plumbing/open-repository.ts";
import type { Repository } from "../src/git/plumbing/repository.ts";
import { pushWaiting } from "../src/git/push/push.ts";
import { PushQueue } from "../src/git/push/queue.ts";
import { handCheckpoint } from "../test/git/hand-written.ts";
import { gitTestEnv } from "../test/git/repositories.ts";
import { interleave, median, ms, type Row } from "./measure.ts";

const count = 1000;
const rounds = 7;

/** A push of 1,000 checkpoint refs to an empty bare remote on this disk, against one `git push` that names the same refs. */
export async function benchGitPush(folder: string): Promise<Row[]> {
  const here = join(folder, "git-push");
  mkdirSync(here);
  git(here, "init", "-q", "-b", "main", "work");
  const work = join(here, "work");
  const remote = join(here, "remote.git");
  git(work, "remote", "add", "origin", remote);
  await using repository = await openRepository({ cwd: work, env: gitTestEnv });
  const refs = await checkpointsIn(repository);
  const push = async (): Promise<void> => {
    await pushWaiting({ repository, remote: "origin", timeoutMs: 600_000 });
  };
  const size = join(repository.commonDir, "holdfast", "push-chunk-size");
  const ways: Record<string, () => Promise<void> | void> = {
    first: push,
    later: push,
    git: () =>
      void git(
        work,
        "push",
        "-q",
        "--no-verify",
        "--porcelain",
        "origin",
        ...refs.map((ref) => `${ref}:${ref}`),
      ),
  };
  const times = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  const contenders = Object.entries(ways).map(([name, run]) => ({
    name,
    run: async () => {
      rmSync(remote, { recursive: true, force: true });
      git(here, "init", "-q", "--bare", remote);
      if (name === "first") rmSync(size, { force: true });
      if (name !== "git") await new PushQueue(repository.commonDir).add(refs);
      times.get(name)!.push(await timed(run));
      const there = git(remote, "for-each-ref", "--format=%(refname)").trim().split("\n").length;
      if (there !== count) throw new Error(`${there} of ${count} refs have arrived.`);
    },
  }));
  await interleave(contenders, rounds);
  const middle = (name: string): number => median(times.get(name)!.slice(1));
  return ["first", "later"].map((name) => ({
    what: `push of ${count} checkpoint refs, ${name === "first" ? "the first there" : "in a chunk as large as was taken before"}`,
    ours: ms(middle(name)),
    limit: `one git push of the same refs: ${ms(middle("git"))}`,
    ratio: `${(middle(name) / middle("git")).toFixed(2)}×`,
    bar: "1.3×",
  }));
}

async function checkpointsIn(repository: Repository): Promise<readonly string[]> {
  const refs: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = n.toString(16).padStart(12, "0");
    const sessions = [{ sessionId: id, transcript: `{"n":${n}}\n` }];
    refs.push(await handCheckpoint(repository, { id, sessions }));
  }
  return refs;
}

async function timed(run: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function git(cwd: string, ...args: readonly string[]): string {
  return execFileSync("git", [...args], {
    cwd,
    env: gitTestEnv,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  });
}
