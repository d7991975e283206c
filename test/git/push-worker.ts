// A process that pushes what waits in the repository that it is told, until it is done or somebody kills it.
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { pushWaiting } from "../../src/git/push/push.ts";
import { dying } from "./dying-repository.ts";

// node push-worker.ts <folder> [before|after|flush <n>]
const [path = "", when = "", n = ""] = process.argv.slice(2);
await using repository = await openRepository({ cwd: path });
const report = await pushWaiting({
  repository: dying(repository, { when, n: Number(n) }),
  remote: "origin",
  timeoutMs: 60_000,
});
process.exitCode = report.outcome === "done" ? 0 : 3;
