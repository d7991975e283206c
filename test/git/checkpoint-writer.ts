import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { gitTestEnv } from "./repositories.ts";

// Writes checkpoint after checkpoint into the repository at argv[2], loose and packed by turns, until it is killed.
const [, , path = "", seed = ""] = process.argv;
const repository = await openRepository({ cwd: path, env: gitTestEnv });
const who = await repository.identity();
for (let number = 0; ; number += 1) {
  const batch = repository.batch();
  const files = Array.from({ length: number % 2 === 0 ? 5 : 110 }, (_, index) => ({
    mode: "100644" as const,
    name: `${index}.txt`,
    id: batch.blob(Buffer.from(`${seed} ${number} ${index} `.repeat(200))),
  }));
  const tree = batch.tree(files);
  const commit = batch.commit({ tree, parents: [], author: who, committer: who, message: `${number}\n` });
  await batch.flush();
  await repository.refs.update({ name: `refs/entire/checkpoints/${seed}/${number}`, from: null, to: commit });
  process.stdout.write(`${number} ${commit}\n`);
}
