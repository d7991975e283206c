import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, test, vi } from "vitest";
import { withDeathSignal } from "./death-signal.ts";
import { startOf } from "./process-table.ts";

const waiting = { timeout: 5000, interval: 10 };

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
    // Only what has asked for the signal has it.
    await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/comm`, "utf8")).toBe("sleep\n"), waiting);
    child.kill("SIGKILL");
    await vi.waitFor(() => expect(startOf(pid)).toBeUndefined(), waiting);
  },
);

test.runIf(process.platform === "linux")(
  "A system whose setpriv does not know the signal starts its agents without it.",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-setpriv-"));
    try {
      const old = join(folder, "setpriv");
      writeFileSync(old, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
      const program = { command: "claude", args: ["--resume"] };
      expect(withDeathSignal(program, [join(folder, "missing"), old])).toEqual(program);
      writeFileSync(join(folder, "new"), '#!/bin/sh\nshift 3; exec "$@"\n', { mode: 0o755 });
      expect(withDeathSignal(program, [old, join(folder, "new")])).toEqual({
        command: join(folder, "new"),
        args: ["--pdeathsig", "KILL", "--", "claude", "--resume"],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
