import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, test } from "vitest";
import { type ProcessIdentity } from "../../../core/event.ts";
import { identityOf, isRunning } from "./process-identity.ts";
import { killTrees, markerName, startOf } from "./process-table.ts";
import { Reaper } from "./reaper.ts";

const marker = randomUUID();
const left = new Set<number>();

// Whatever a failed test has left.
afterEach(() => killTrees([...left].map((pid) => ({ pid, marker }))));

/** A process that has started another one, which leads a session of its own, and tells its pid. */
async function startFamily(): Promise<{ child: ChildProcess; pids: number[] }> {
  const grandchild = `spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" })`;
  const script = `const { spawn } = require("node:child_process"); console.log(${grandchild}.pid); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["-e", script], {
    env: { [markerName]: marker },
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const pids = [child.pid!, Number(line)];
  for (const pid of pids) left.add(pid);
  return { child, pids };
}

async function untilGone(pids: readonly number[]): Promise<void> {
  while (pids.some((pid) => startOf(pid) !== undefined))
    await new Promise((resolve) => setTimeout(resolve, 10));
}

describe("a process and what it has started", () => {
  test("are killed together, also what leads a session of its own", async () => {
    const { child, pids } = await startFamily();
    const stranger = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
    await killTrees([{ pid: child.pid!, started: startOf(child.pid!)!, marker }]);
    await untilGone(pids);
    expect(startOf(stranger.pid!)).toBeDefined();
    stranger.kill("SIGKILL");
  });

  test.runIf(process.platform === "linux")(
    "are killed as soon as they can be looked for, where no file descriptor was left",
    () => {
      const code = `
      import { spawn } from "node:child_process";
      import { once } from "node:events";
      import { closeSync, openSync } from "node:fs";
      import { killTrees } from ${JSON.stringify(new URL("./process-table.ts", import.meta.url).href)};
      const env = { ${markerName}: "${marker}" };
      const script = "setInterval(() => {}, 1000)";
      const child = spawn(process.execPath, ["-e", script], { env, detached: true, stdio: "ignore" });
      const ended = once(child, "exit");
      const open = [];
      try { for (;;) open.push(openSync("/dev/null", "r")); } catch {}
      const killing = killTrees([{ pid: child.pid, marker: "${marker}" }]);
      for (const fd of open) closeSync(fd);
      await killing;
      console.log((await ended)[1]);`;
      const limited = `ulimit -n 100 && exec "$0" --input-type=module -e "$1"`;
      const host = spawnSync("sh", ["-c", limited, process.execPath, code], { encoding: "utf8" });
      expect(host).toMatchObject({ status: 0, stdout: "SIGKILL\n" });
    },
  );

  test.runIf(process.platform === "linux")(
    "are found by their marker where the first one is gone",
    async () => {
      const { child, pids } = await startFamily();
      child.kill("SIGKILL");
      await once(child, "exit");
      expect(startOf(pids[1]!)).toBeDefined();
      await killTrees([{ pid: child.pid!, marker }]);
      await untilGone(pids);
    },
  );

  test("are left alone where the pid was given again to another one", async () => {
    const { child, pids } = await startFamily();
    await killTrees([{ pid: child.pid!, started: "another start" }]);
    expect(pids.map(startOf)).toEqual([expect.any(String), expect.any(String)]);
  });
});

describe("the identity of a process", () => {
  test("is that of the very process as long as it runs, and of no other one", async () => {
    const { child } = await startFamily();
    const identity: ProcessIdentity = identityOf(child.pid!)!;
    expect(isRunning(identity)).toBe(true);
    expect(isRunning({ ...identity, started: `${identity.started}1` })).toBe(false);
    expect(isRunning({ ...identity, host: "another machine" })).toBe(false);
    expect(isRunning({ ...identityOf(process.pid)!, pid: identity.pid })).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect([isRunning(identity), identityOf(child.pid!)]).toEqual([false, undefined]);
  });
});

describe("the reaper", () => {
  /** A host that gives a process into the reaper's care, and says when that is so, and again when there is another reaper. */
  async function startHost(family: readonly number[]): Promise<Host> {
    const watch = JSON.stringify({ pid: family[0], started: startOf(family[0]!), marker });
    const script = `
      import { Reaper } from ${JSON.stringify(`${import.meta.dirname}/reaper.ts`)};
      const reaper = new Reaper();
      // A host has something to do as long as its agents live.
      setInterval(() => undefined, 1000);
      await reaper.watch(${watch});
      let last;
      setInterval(() => { if (reaper.pid !== last) console.log(last = reaper.pid); }, 10);`;
    const host = spawn(process.execPath, ["--input-type=module", "-e", script], {
      env: { NODE_OPTIONS: "--disable-warning=ExperimentalWarning" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    left.add(host.pid!);
    const lines = createInterface({ input: host.stdout })[Symbol.asyncIterator]();
    const reaper = async (): Promise<number> => {
      const pid = Number((await lines.next()).value);
      left.add(pid);
      return pid;
    };
    return { host, reaper };
  }

  interface Host {
    readonly host: ChildProcess;
    /** The next reaper's pid. */
    readonly reaper: () => Promise<number>;
  }

  test.each(["SIGKILL", "SIGTERM"] as const)(
    "kills what it was told of within seconds of its host's %s, and is gone then",
    async (signal) => {
      const { pids } = await startFamily();
      const { host, reaper: next } = await startHost(pids);
      const reaper = await next();
      const killedMs = Date.now();
      host.kill(signal);
      await untilGone([...pids, reaper]);
      expect(Date.now() - killedMs).toBeLessThan(5000);
    },
  );

  test("leaves alone what has ended by itself, and ends with the last of its charges", async () => {
    const { child, pids } = await startFamily();
    const reaper = new Reaper();
    await reaper.watch({ pid: child.pid!, started: startOf(child.pid!)!, marker });
    const pid = reaper.pid!;
    reaper.forget(child.pid!);
    await untilGone([pid]);
    expect(pids.map(startOf)).toEqual([expect.any(String), expect.any(String)]);
    expect(reaper.pid).toBeUndefined();
  });

  test("that cannot live is started again ever more slowly", async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-reaper-"));
    const starts = join(folder, "starts");
    const broken = join(folder, "node");
    writeFileSync(broken, `#!/bin/sh\necho start >> ${starts}\n`, { mode: 0o700 });
    const { execPath } = process;
    const reaper = new Reaper();
    const begunMs = Date.now();
    try {
      process.execPath = broken;
      await expect(reaper.watch({ pid: 1, marker })).rejects.toThrow("The reaper has ended.");
      const startCount = (): number => readFileSync(starts, "utf8").split("\n").length - 1;
      while (startCount() < 6) await new Promise((resolve) => setTimeout(resolve, 10));
      expect(Date.now() - begunMs).toBeGreaterThan(1400);
    } finally {
      process.execPath = execPath;
      reaper.forget(1);
      rmSync(folder, { recursive: true });
    }
  });

  test("is started anew when it was killed itself, with all its charges", async () => {
    const { pids } = await startFamily();
    const { host, reaper } = await startHost(pids);
    process.kill(await reaper(), "SIGKILL");
    const second = await reaper();
    host.kill("SIGKILL");
    await untilGone([...pids, second]);
  });
});
