import { fileURLToPath } from "node:url";
import type { Programs } from "../git/flow/hook-scripts.ts";
import { openRepository } from "../git/plumbing/open-repository.ts";
import type { Repository } from "../git/plumbing/repository.ts";
import { packageRoot } from "./package-root.ts";

/** Opens the repository that the current folder lies in. @throws git_not_a_repository */
export async function withRepository<T>(use: (repository: Repository) => Promise<T>): Promise<T> {
  await using repository = await openRepository({ cwd: process.cwd() });
  return await use(repository);
}

/** What hooks start. */
export function installedPrograms(): Programs {
  return {
    node: process.execPath,
    program: fileURLToPath(new URL("bin/holdfast.js", packageRoot)),
    hook: fileURLToPath(new URL("dist/git-hook.js", packageRoot)),
  };
}
