import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Repository } from "../../src/git/plumbing/repository.ts";

type Damage = (repository: Repository, name: string) => Promise<PutBack>;
type PutBack = () => void;

/** What a disk does to an object that is a file of its own, as those of a few checkpoints are. */
export const damages: Readonly<Record<"lose" | "spoil", Damage>> = {
  /** Takes it away. */
  lose: async (repository, name) => {
    const { path, bytes } = await fileOf(repository, name);
    rmSync(path);
    return () => writeFileSync(path, bytes);
  },
  /** Flips one byte in its middle: git still tells its type and size. */
  spoil: async (repository, name) => {
    const { path, bytes } = await fileOf(repository, name);
    const spoilt = Buffer.from(bytes);
    spoilt[spoilt.length >> 1]! ^= 0x5a;
    chmodSync(path, 0o644);
    writeFileSync(path, spoilt);
    return () => writeFileSync(path, bytes);
  },
};

async function fileOf(
  repository: Repository,
  name: string,
): Promise<{ readonly path: string; readonly bytes: Buffer }> {
  const id = (await repository.git(["rev-parse", name])).stdout.toString().trim();
  const path = join(repository.commonDir, "objects", id.slice(0, 2), id.slice(2));
  return { path, bytes: readFileSync(path) };
}
