import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { startOf } from "./process-table.ts";

const host = `
  import { spawn } from "node:child_process";
  import { withDeathSignal } from ${JSON.stringify(new URL("./death-signal.ts", import.meta.url).href)};
  const { command, args } = withDeathSignal({ command: "sleep", args: ["600"] });
  console.log(spawn(command, args, { stdio: "ignore", detached: true }).pid);
  setInterval(() => {}, 1000);`;

test.runIf(process.platform === "linux")(
  "A process of an agent dies with its host, without anybody to end it.",
  async () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", host], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const pid = Number(line);
    expect(startOf(pid)).toBeDefined();
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(startOf(pid)).toBeUndefined(), { timeout: 5000, interval: 10 });
  },
);
