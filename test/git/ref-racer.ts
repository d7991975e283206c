import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { gitTestEnv } from "./repositories.ts";

// Once a line comes in, tries to move the ref argv[3] of the repository argv[2] from argv[4] to argv[5], and says how it went.
const [, , path = "", name = "", from = "", to = ""] = process.argv;
const repository = await openRepository({ cwd: path, env: gitTestEnv });
await repository.refs.read(name);
process.stdout.write("ready\n");
process.stdin.once("data", () => {
  void repository.refs
    .update({ name, from: from === "" ? null : from, to })
    .then((result) => process.stdout.write(`${result}\n`))
    .finally(() => process.exit());
});
