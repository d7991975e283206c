import { work } from "../../src/git/flow/worker.ts";

// Runs as a process of its own: says that it is in the middle of an event, and stays there until it is killed.
await work({
  commonDir: process.argv[2]!,
  handlers: {
    "post-commit": async () => {
      process.stdout.write("working\n");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    },
  },
});
