import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";

test.runIf(process.platform !== "win32")(
  "a host that has too many files open goes on without the agent that it could not start",
  () => {
    const script = `
      import { openSync } from "node:fs";
      import { Child } from ${JSON.stringify(`${import.meta.dirname}/child.ts`)};
      try { for (;;) openSync("/dev/null"); } catch {}
      try {
        new Child({ command: process.execPath, args: ["-e", ""], env: { HOME: "/" } });
      } catch ({ message }) {
        // Node tells of it once more, a moment later.
        setTimeout(() => console.log(message), 100);
      }`;
    const run = `ulimit -n 64 && exec "$0" --disable-warning=ExperimentalWarning --input-type=module -e "$1"`;
    const host = spawnSync("sh", ["-c", run, process.execPath, script], {
      env: { NODE_OPTIONS: "" },
      encoding: "utf8",
    });
    expect([host.stdout.trim(), host.status]).toEqual([
      "The agent's process could not be started: too many files are open.",
      0,
    ]);
  },
);
