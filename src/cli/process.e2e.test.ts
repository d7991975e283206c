import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bin, Home } from "../../test/cli/home.ts";
import { first, project, second, turn, user } from "../../test/cli/transcripts.ts";

let home: Home;
let children: ChildProcess[];

beforeEach(async () => {
  children = [];
  home = new Home();
  home.transcript(project, first, turn);
  expect((await home.runInside(["import"])).code).toBe(0);
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  home[Symbol.dispose]();
});

describe("a store that another process writes to", () => {
  it("ends every writing command with 4 and one line within a bounded time, and leaves reading alone", async () => {
    home.transcript(project, second, [user("o1", null, "Second prompt", 30)]);
    const release = await holdWriteLock();
    const start = performance.now();
    const busy = await Promise.all(
      [["rm", first], ["import"], ["rescue", second, "--project", project]].map((args) =>
        home.run(args, { HOLDFAST_LOCK_WAIT_MS: "300" }),
      ),
    );
    // Less than the ten seconds that it would be without the variable.
    expect(performance.now() - start).toBeLessThan(9000);
    for (const { code, stdout, stderr } of busy) {
      expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
      expect(stderr).toMatch(
        /^holdfast: Another process held the store for \d+ ms: [^\n]+ Try again[^\n]+\n$/,
      );
    }
    expect((await home.run(["show", first])).code).toBe(0);
    expect((await home.run(["rm", first, "--dry-run"])).code).toBe(0);
    expect((await home.run(["show", second])).code).toBe(1);
    await release();
    expect((await home.run(["import"])).stdout).toContain("1 new entry");
    expect((await home.run(["rm", first])).code).toBe(0);
  }, 60_000);
});

describe("the streams of the process", () => {
  const devFull = existsSync("/dev/full") ? ["/dev/full"] : [];

  it.each(devFull)("that cannot be written, as %s, end it with 1 and one line", (path) => {
    for (const args of [["list"], ["show", first], ["export", first], ["doctor", "--json"]]) {
      const { status, stderr } = spawnSync(
        "sh",
        ["-c", `exec "$@" > ${path}`, "sh", process.execPath, bin, ...args],
        {
          env: home.environment(),
          encoding: "utf8",
        },
      );
      expect(status).toBe(1);
      expect(stderr).toMatch(/^holdfast: The output cannot be written: ENOSPC[^\n]*\n$/);
    }
  });

  it.each([["list"], ["show"], ["export"], ["verify", "--all"], ["doctor"]])(
    "whose reader has gone before the first line end %s quietly with 0",
    (...args) => {
      const command = [process.execPath, bin, ...args, ...(/show|export/.test(args[0]!) ? [first] : [])];
      const script = `set -o pipefail; "$@" | true; echo "\${PIPESTATUS[0]}"`;
      const { stdout, stderr } = spawnSync("bash", ["-c", script, "bash", ...command], {
        env: home.environment(),
        encoding: "utf8",
      });
      expect({ stdout, stderr }).toEqual({ stdout: "0\n", stderr: "" });
    },
  );
});

describe("Ctrl-C", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "or its like, %s, ends tail -f with 0 and nothing more",
    async (signal) => {
      const child = home.start(["tail", first, "-f"]);
      children.push(child);
      let stderr = "";
      child.stderr.on("data", (chunk) => (stderr += String(chunk)));
      await new Promise((resolve) => child.stderr.once("data", resolve));
      const ended = new Promise((resolve) => child.once("close", (...how) => resolve(how)));
      child.kill(signal);
      expect(await ended).toEqual([0, null]);
      expect(stderr).toBe("Following; Ctrl-C ends it.\n");
    },
  );
});

/** A second process that has begun to write, and a way to end it. */
async function holdWriteLock(): Promise<() => Promise<void>> {
  const script = `
    const { DatabaseSync } = require("node:sqlite");
    new DatabaseSync(process.argv[1]).exec("BEGIN IMMEDIATE");
    console.log("locked");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--no-warnings", "-e", script, home.database]);
  children.push(child);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return async () => {
    const closed = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await closed;
  };
}
