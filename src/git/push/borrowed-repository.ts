import { randomBytes } from "node:crypto";
import { copyFile, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../plumbing/durable-file.ts";
import type { GitOptions, GitResult } from "../plumbing/repository.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { Ref } from "../plumbing/refs.ts";
import { ownFolder } from "./own-folder.ts";

/**
 * A throw-away repository that borrows another one's objects and settings and has only the refs that a transfer is
 * about. git matches each refspec with every local ref, twice: among 100,000 a push of 200 by name takes longer than
 * its transfer, while here one pattern names them all. What is fetched has its refs here, so nothing of the remote
 * is seen in the user's repository before it was checked.
 */
export class BorrowedRepository implements AsyncDisposable {
  readonly #repository: Repository;
  readonly #folder: string;

  private constructor(repository: Repository, folder: string) {
    this.#repository = repository;
    this.#folder = folder;
  }

  static async open(repository: Repository, refs: readonly Ref[]): Promise<BorrowedRepository> {
    const parent = await ownFolder(repository.commonDir, "transfers");
    await removeStale(parent);
    const folder = join(parent, randomBytes(8).toString("hex"));
    const borrowed = new BorrowedRepository(repository, folder);
    await mkdir(join(folder, "objects", "info"), { recursive: true, mode: 0o700 });
    await mkdir(join(folder, "refs"), { mode: 0o700 });
    await Promise.all([
      writeFile(join(folder, "HEAD"), "ref: refs/heads/none\n"),
      writeFile(join(folder, "config"), configOf(repository)),
      writeFile(join(folder, "objects", "info", "alternates"), `${quoted(objectsOf(repository))}\n`),
      writeFile(join(folder, "packed-refs"), packedRefs(refs)),
      copyShallow(join(repository.commonDir, "shallow"), join(folder, "shallow")),
    ]);
    return borrowed;
  }

  /** Runs git in it; with `keepsObjects` what it brings goes to the objects of the repository itself. */
  git(
    args: readonly string[],
    options: GitOptions & { readonly keepsObjects?: boolean } = {},
  ): Promise<GitResult> {
    const { keepsObjects = false, ...rest } = options;
    const env = {
      ...rest.env,
      ...(keepsObjects ? { GIT_OBJECT_DIRECTORY: objectsOf(this.#repository) } : {}),
    };
    return this.#repository.git([`--git-dir=${this.#folder}`, ...settings, ...args], { ...rest, env });
  }

  /** Its refs now. */
  async refs(options: GitOptions = {}): Promise<readonly Ref[]> {
    const { stdout } = await this.git(["for-each-ref", "--format=%(objectname) %(refname)"], {
      ...options,
      keepsObjects: true,
    });
    return stdout
      .toString()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => ({ id: line.slice(0, line.indexOf(" ")), name: line.slice(line.indexOf(" ") + 1) }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

// Nothing here may clean up: it would take for garbage what only the refs of the repository itself keep.
const settings = [
  "gc.auto=0",
  "gc.pruneExpire=never",
  "maintenance.auto=false",
  "fetch.writeCommitGraph=false",
  "core.hooksPath=/dev/null",
  "core.bare=true",
].flatMap((setting) => ["-c", setting]);

const staleAfterMs = 24 * 3_600_000;

function objectsOf({ commonDir }: Repository): string {
  return join(commonDir, "objects");
}

function configOf({ commonDir, objectFormat }: Repository): string {
  const format = objectFormat === "sha256" ? "[extensions]\n\tobjectFormat = sha256\n" : "";
  const version = objectFormat === "sha256" ? 1 : 0;
  const include = `[include]\n\tpath = ${quoted(join(commonDir, "config"))}\n`;
  return `[core]\n\trepositoryformatversion = ${version}\n\tbare = true\n${format}${include}`;
}

// Where the history of a shallow clone ends: without it the commits below would be missing.
async function copyShallow(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: unknown) => {
    if (codeOf(error) !== "ENOENT") throw error;
  });
}

function packedRefs(refs: readonly Ref[]): string {
  const lines = refs.toSorted((a, b) => (a.name < b.name ? -1 : 1)).map(({ id, name }) => `${id} ${name}\n`);
  return `# pack-refs with: sorted \n${lines.join("")}`;
}

function quoted(path: string): string {
  return `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

async function removeStale(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Date.now() }));
    if (Date.now() - mtimeMs > staleAfterMs) await rm(path, { recursive: true, force: true });
  }
}
