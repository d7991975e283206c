import { DualStore } from "../../src/git/dual-write.ts";
import { BranchLayout } from "../../src/git/layouts/branch.ts";
import { RefsLayout } from "../../src/git/layouts/refs.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { dyingAtRefs } from "./dying-repository.ts";

// node dual-worker.ts <folder> <checkpoint> <session>: killed when the primary is written, and the mirror's ref is not.
const [cwd = "", id = "", session = ""] = process.argv.slice(2);

await using repository = await openRepository({ cwd });
const store = new DualStore({
  repository,
  primary: new BranchLayout(repository),
  mirrors: [new RefsLayout(dyingAtRefs(repository))],
});
await store.write(checkpointInput(id, [await sessionInput(repository, session)]));
await store.settled();
