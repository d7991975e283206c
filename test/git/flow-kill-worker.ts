import fs from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { workOnFlow } from "../../src/git/flow/flow-worker.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { gitTestEnv } from "./repositories.ts";

// node flow-kill-worker.ts <folder> <n>: the worker, killed before the nth time that it gives a file its name or takes
// one away. Every step of the work that lasts is one of these.
const [cwd = "", last = "0"] = process.argv.slice(2);
let steps = 0;

function step(): void {
  steps += 1;
  if (steps === Number(last)) process.kill(process.pid, "SIGKILL");
}

for (const [module, names] of [
  [fs, ["renameSync", "rmSync", "unlinkSync", "linkSync"]],
  [fsPromises, ["rename", "rm", "unlink", "link"]],
] as const)
  for (const name of names) {
    const functions = module as unknown as Record<string, (...args: unknown[]) => unknown>;
    const act = functions[name]!;
    functions[name] = (...args) => {
      step();
      return act(...args);
    };
  }
syncBuiltinESMExports();

await using repository = await openRepository({ cwd, env: gitTestEnv });
const worked = await workOnFlow({ repository, cliVersion: "holdfast/test", isOnce: true });
process.stdout.write(JSON.stringify({ steps, ...worked }));
