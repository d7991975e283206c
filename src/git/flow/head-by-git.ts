import { spawnSync } from "node:child_process";
import { gitEnvironment } from "../plumbing/environment.ts";

/** The branch and the commit of a worktree as git knows them: with reftable no file tells them. */
export function headByGit(gitDir: string): { readonly branch?: string; readonly commit?: string } {
  const ref = said(gitDir, ["symbolic-ref", "--quiet", "HEAD"]);
  const commit = said(gitDir, ["rev-parse", "--quiet", "--verify", "HEAD"]);
  const branch = ref.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : "";
  return { ...(branch === "" ? {} : { branch }), ...(/^[0-9a-f]{40,64}$/.test(commit) ? { commit } : {}) };
}

/** What git prints, without its last newline; nothing where it fails. */
function said(gitDir: string, args: readonly string[]): string {
  const { status, stdout } = spawnSync("git", [`--git-dir=${gitDir}`, ...args], {
    encoding: "utf8",
    env: gitEnvironment(process.env),
    timeout: 1_000,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return status === 0 ? stdout.replace(/\n$/, "") : "";
}
