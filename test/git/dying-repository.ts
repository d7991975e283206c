import type { Repository } from "../../src/git/plumbing/repository.ts";

/** A repository in which this process is killed before or after the nth change of a ref, or after the nth batch of objects. */
export function dying(
  whole: Repository,
  { when, n }: { readonly when: string; readonly n: number },
): Repository {
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
      if (when === "before" && updates === n) await die();
      const done = await whole.refs.update(update);
      if (when === "after" && updates === n) await die();
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
        if (when === "flush" && flushes === n) await die();
      },
    };
  };
  return Object.assign(Object.create(whole) as Repository, { refs, batch });
}

/** The repository in which this process is killed when all objects are written, and the ref is not. */
export function dyingAtRefs(whole: Repository): Repository {
  return dying(whole, { when: "before", n: 1 });
}
