import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import type { Layout } from "../../src/git/checkpoint-store.ts";
import { migrateCheckpoints } from "../../src/git/migrate/migrate.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Refs } from "../../src/git/plumbing/refs.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

// node migrate-worker.ts <folder> <from> <to> <ref updates before it is killed> [<before or after packed-refs is renamed>]
const [cwd = "", from = "", to = "", updates = "0", when = ""] = process.argv.slice(2);
if (when !== "") dieAtPackedRefs(when);
await using repository = await openRepository({ cwd });
let left = Number(updates);
const refs: Refs = {
  read: (name) => repository.refs.read(name),
  list: (prefix) => repository.refs.list(prefix),
  update: (update) => {
    if (left-- > 0) return repository.refs.update(update);
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
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
