// A process that writes one checkpoint to the layout v2 and is killed where it is told: before or after the nth time
// that it changes a ref, or between its objects and its marker.
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { V2Layout } from "../../src/git/layouts/v2/layout.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { dying } from "./dying-repository.ts";

// node v2-worker.ts <folder> <checkpoint> <rotate at> <before|after|flush> <n>
const [cwd = "", id = "", rotateAt = "", when = "", n = ""] = process.argv.slice(2);
await using repository = await openRepository({ cwd });
const store = new V2Layout(dying(repository, { when, n: Number(n) }), { rotateAt: Number(rotateAt) });
await store.write(checkpointInput(id, [await sessionInput(repository, `s-${id}`)]));
