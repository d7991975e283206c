import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { type PushReport, pushWaiting } from "../../src/git/push/push.ts";
import { PushQueue } from "../../src/git/push/queue.ts";
import { gitTestEnv, runTestGit } from "./repositories.ts";

/** A clone of a shared remote, as one person has it. */
export interface Machine {
  readonly path: string;
  readonly repository: Repository;
  readonly queue: PushQueue;
  readonly push: (timeoutMs?: number) => Promise<PushReport>;
  readonly git: (...args: readonly string[]) => Promise<string>;
}

export interface Sharing {
  readonly remote: string;
  readonly machine: () => Promise<Machine>;
}

/** A bare remote with one commit on main, and as many clones of it as a test asks for; gone when the test is over. */
export async function sharing(...options: readonly string[]): Promise<Sharing> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-push-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  const remote = join(folder, "remote.git");
  await runTestGit(folder, ["init", "-q", "--bare", "-b", "main", ...options, "--", remote]);
  await runTestGit(folder, ["init", "-q", "-b", "main", ...options, "--", "seed"]);
  const seed = join(folder, "seed");
  await runTestGit(seed, ["commit", "-q", "--allow-empty", "-m", "Begin"]);
  await runTestGit(seed, ["push", "-q", remote, "main"]);
  let count = 0;
  return {
    remote,
    async machine() {
      const path = join(folder, `machine-${(count += 1)}`);
      await runTestGit(folder, ["clone", "-q", "--", remote, path]);
      const repository = await openRepository({ cwd: path, env: gitTestEnv });
      onTestFinished(() => repository[Symbol.asyncDispose]());
      return {
        path,
        repository,
        queue: new PushQueue(repository.commonDir),
        push: (timeoutMs = 20_000) => pushWaiting({ repository, remote: "origin", timeoutMs }),
        git: (...args) => runTestGit(path, args),
      };
    },
  };
}

/** The refs of checkpoints that a repository has, with what they name. */
export async function checkpointRefsOf(path: string): Promise<readonly string[]> {
  const refs = await runTestGit(path, ["for-each-ref", "refs/entire", "refs/heads/entire"]);
  return refs === "" ? [] : refs.split("\n");
}

/** Gives a remote a hook. */
export function hook(remote: string, name: string, script: string): void {
  const path = join(remote, "hooks", name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
}
