import type { Refs } from "../../src/git/plumbing/refs.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";

/** The repository in which this process is killed when all objects are written, and the ref is not. */
export function dyingAtRefs(whole: Repository): Repository {
  const refs: Refs = {
    read: (name) => whole.refs.read(name),
    list: (prefix) => whole.refs.list(prefix),
    update: () => {
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => undefined);
    },
  };
  return Object.assign(Object.create(whole) as Repository, { refs });
}
