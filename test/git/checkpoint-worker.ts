import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { dyingAtRefs } from "./dying-repository.ts";
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
