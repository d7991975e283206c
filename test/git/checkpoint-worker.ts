import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Refs } from "../../src/git/plumbing/refs.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { layoutsUnderTest } from "./layouts.ts";

// node checkpoint-worker.ts <folder> <layout> <checkpoint> <session,session,…> write|die
const [cwd = "", layout = "", id = "", sessions = "", how = ""] = process.argv.slice(2);

await using repository = await openRepository({ cwd });
const store = layoutsUnderTest[layout]!.open(how === "die" ? dyingAtRefs(repository) : repository);
// The test lets all of its workers begin together.
if (process.send !== undefined) {
  process.send("ready");
  await new Promise((resolve) => process.once("message", resolve));
  process.disconnect();
}
for (const session of sessions.split(",")) {
  await store.write(checkpointInput(id, [await sessionInput(repository, session)]));
}

/** The repository in which this process is killed when all objects are written, and the ref is not. */
function dyingAtRefs(whole: Repository): Repository {
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
