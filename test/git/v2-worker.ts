// A process that writes one checkpoint to the layout v2 and is killed where it is told: before or after the nth time
// that it changes a ref, or between its objects and its marker.
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { V2Layout } from "../../src/git/layouts/v2/layout.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";

// node v2-worker.ts <folder> <checkpoint> <rotate at> <before|after|flush> <n>
const [cwd = "", id = "", rotateAt = "", when = "", n = ""] = process.argv.slice(2);
await using repository = await openRepository({ cwd });
const store = new V2Layout(dying(repository), { rotateAt: Number(rotateAt) });
await store.write(checkpointInput(id, [await sessionInput(repository, `s-${id}`)]));

function dying(whole: Repository): Repository {
  let [updates, flushes] = [0, 0];
  const die = (): Promise<never> => {
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
  const refs: Repository["refs"] = {
    read: (name) => whole.refs.read(name),
    list: (prefix) => whole.refs.list(prefix),
    update: async (update) => {
      updates += 1;
      if (when === "before" && updates === Number(n)) await die();
      const done = await whole.refs.update(update);
      if (when === "after" && updates === Number(n)) await die();
      return done;
    },
  };
  const batch: Repository["batch"] = () => {
    const own = whole.batch();
    return {
      blob: (content) => own.blob(content),
      tree: (entries) => own.tree(entries),
      commit: (commit) => own.commit(commit),
      flush: async () => {
        await own.flush();
        flushes += 1;
        if (when === "flush" && flushes === Number(n)) await die();
      },
    };
  };
  return Object.assign(Object.create(whole) as Repository, { refs, batch });
}
