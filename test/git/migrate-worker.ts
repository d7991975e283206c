import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import type { Layout } from "../../src/git/checkpoint-store.ts";
import { migrateCheckpoints } from "../../src/git/migrate/migrate.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Refs } from "../../src/git/plumbing/refs.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

// node migrate-worker.ts <folder> <from> <to> <n>: the migration, killed at the nth moment before or after a ref moves, or, as `before`
// and `after` say, at the rename of packed-refs.
const [cwd = "", from = "", to = "", last = "0"] = process.argv.slice(2);
if (last === "before" || last === "after") dieAtPackedRefs(last);
await using repository = await openRepository({ cwd });
let moments = 0;

function moment(): void {
  if ((moments += 1) === Number(last)) process.kill(process.pid, "SIGKILL");
}

const refs: Refs = {
  read: (name) => repository.refs.read(name),
  list: (prefix) => repository.refs.list(prefix),
  update: async (update) => {
    moment();
    const outcome = await repository.refs.update(update);
    moment();
    return outcome;
  },
};
const dying = Object.assign(Object.create(repository) as Repository, { refs });
await migrateCheckpoints({ repository: dying, from: from as Layout, to: to as Layout });

function dieAtPackedRefs(moment: string): void {
  const rename = fs.renameSync;
  fs.renameSync = (oldPath, newPath) => {
    const isIt = String(newPath).endsWith("packed-refs");
    if (isIt && moment === "before") process.kill(process.pid, "SIGKILL");
    rename(oldPath, newPath);
    if (isIt) process.kill(process.pid, "SIGKILL");
  };
  syncBuiltinESMExports();
}
