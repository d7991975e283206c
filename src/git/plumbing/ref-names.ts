import { HoldfastError } from "../../core/errors.ts";

/** Lets a name pass that git allows (git-check-ref-format) and that leads nowhere else. @throws git_ref_invalid */
export function checkRefName(name: string): string {
  if (isRefName(name)) return name;
  throw new HoldfastError({
    code: "git_ref_invalid",
    message: `git allows no ref named ${JSON.stringify(name.slice(0, 300))}.`,
    next: "Use a name that `git check-ref-format` accepts.",
  });
}

/** The same of what many names begin with: it ends in `/`. @throws git_ref_invalid */
export function checkRefPrefix(prefix: string): string {
  if (prefix === "refs/" || (prefix.endsWith("/") && isRefName(prefix.slice(0, -1)))) return prefix;
  throw new HoldfastError({
    code: "git_ref_invalid",
    message: `No ref's name begins with ${JSON.stringify(prefix.slice(0, 300))}.`,
    next: "Use `refs/` and what follows it, up to a slash.",
  });
}

/** Whether a ref belongs to one worktree, as gitrepository-layout says. */
export function isPerWorktree(name: string): boolean {
  return !name.startsWith("refs/") || perWorktree.some((prefix) => name.startsWith(prefix));
}

/** What the refs of one worktree begin with. */
export const perWorktree = ["refs/bisect/", "refs/worktree/", "refs/rewritten/"] as const;

/** Whether git allows a ref of this name. */
export function isRefName(name: string): boolean {
  if (name === "HEAD") return true;
  if (!name.startsWith("refs/") || Buffer.byteLength(name) > 1000 || !name.isWellFormed()) return false;
  if (/[\p{Cc} ~^:?*[\\]|\.\.|@\{|\/\/|[/.]$/u.test(name)) return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}
