import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { handCheckpoint } from "../test/git/hand-written.ts";
import { gitTestEnv } from "../test/git/repositories.ts";
import { openRepository } from "../src/git/plumbing/open-repository.ts";
import { pushWaiting } from "../src/git/push/push.ts";
import { PushQueue } from "../src/git/push/queue.ts";
import { interleave, ms, type Row } from "./measure.ts";

const count = 1000;
const rounds = 7;

/** A push of 1,000 checkpoint refs to an empty bare remote on this disk, against one `git push` that names the same refs. */
export async function benchGitPush(folder: string): Promise<Row[]> {
  const here = join(folder, "git-push");
  mkdirSync(here);
  const git = (cwd: string, ...args: readonly string[]): string =>
    execFileSync("git", [...args], { cwd, env: gitTestEnv, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  git(here, "init", "-q", "-b", "main", "work");
  const work = join(here, "work");
  const remote = join(here, "remote.git");
  git(work, "remote", "add", "origin", remote);
  await using repository = await openRepository({ cwd: work, env: gitTestEnv });
  const refs: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = n.toString(16).padStart(12, "0");
    refs.push(
      await handCheckpoint(repository, { id, sessions: [{ sessionId: id, transcript: `{"n":${n}}\n` }] }),
    );
  }
  const queue = new PushQueue(repository.commonDir);
  const anew = (): void => {
    rmSync(remote, { recursive: true, force: true });
    git(here, "init", "-q", "--bare", remote);
  };
  const check = (): void => {
    const there = git(remote, "for-each-ref", "--format=%(refname)").trim().split("\n").length;
    if (there !== count) throw new Error(`${there} of ${count} refs have arrived.`);
  };
  const forgetSize = (): void =>
    rmSync(join(repository.commonDir, "holdfast", "push-chunk-size"), { force: true });
  const times: Record<string, number[]> = { first: [], later: [], git: [] };
  const timed = (name: string, run: () => Promise<void> | void) => ({
    name,
    run: async () => {
      anew();
      if (name !== "git") await queue.add(refs);
      const start = performance.now();
      await run();
      times[name]!.push(performance.now() - start);
      check();
    },
  });
  const push = async (): Promise<void> => {
    await pushWaiting({ repository, remote: "origin", timeoutMs: 600_000 });
  };
  await interleave(
    [
      timed("first", async () => {
        forgetSize();
        await push();
      }),
      timed("later", push),
      timed("git", () => {
        git(
          work,
          "push",
          "-q",
          "--no-verify",
          "--porcelain",
          "origin",
          ...refs.map((ref) => `${ref}:${ref}`),
        );
      }),
    ],
    rounds,
  );
  const middle = (name: string): number =>
    times[name]!.toSorted((a, b) => a - b)[Math.floor(times[name]!.length / 2)]!;
  return ["first", "later"].map((name) => ({
    what: `push of ${count} checkpoint refs, ${name === "first" ? "the first there" : "in chunks as large as were taken"}`,
    ours: ms(middle(name)),
    limit: `one git push of the same refs: ${ms(middle("git"))}`,
    ratio: `${(middle(name) / middle("git")).toFixed(2)}×`,
    bar: "1.3×",
  }));
}
