import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { objectIn } from "../../src/core/json.ts";
import { type FakeModel, startFakeModel } from "../../src/testing.ts";
import { Home } from "../cli/home.ts";
import { startProgram } from "../cli/started.ts";
import { withStoreOf } from "../cli/work.ts";
import { ended } from "./processes.ts";
import { modelEnvironment } from "./agent-environment.ts";
import { versions } from "./sdk.ts";

const session = { project: "p", session: "s-1" };
const to = ["--agent", "claude", "--project", "p", "--session", "s-1"];

describe.each(versions)("the command line with SDK %s", (version) => {
  let home: Home;
  let model: FakeModel;
  let env: NodeJS.ProcessEnv;

  beforeEach(async () => {
    home = new Home();
    model = await startFakeModel();
    const sdk = version === "0.3.329" ? import.meta.dirname : join(import.meta.dirname, `sdk-${version}`);
    symlinkSync(join(sdk, "node_modules"), join(home.folder, "node_modules"));
    env = modelEnvironment(model.url);
  });
  afterEach(async () => {
    await model.close();
    home[Symbol.dispose]();
  });

  test("answers turns of one session, each in a process that ends with its command", async () => {
    const first = await home.run(["run", "SAY one", ...to], env);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Committed run 1\.1: /) });
    expect(first.stderr).toContain("● one");
    expect(first.stderr).not.toContain("Nobody sees to it");
    home.write("notes.txt", "remember the milk");
    const asked = ["run", "SAY two", ...to, "--json", "--attach", join(home.folder, "notes.txt")];
    const { code, stdout } = await home.run(asked, env);
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => objectIn(line)!);
    expect(lines.at(-1)).toMatchObject({ state: "consumed", run: "2.1", ok: true, text: "two" });
    const events = lines.slice(0, -1).map(({ event }) => event as Record<string, unknown>);
    const { pid } = events.find(({ process }) => process !== undefined)!["process"] as { pid: number };
    await ended(pid);
    expect(model.shown()).toEqual(["user: SAY one", "assistant: one", "user: SAY two"]);
    expect(JSON.stringify(model.requests.at(-1)!.body)).toContain("remember the milk");
  });

  test("is stopped in mid-turn without a try being counted, and leaves no process", async () => {
    await withStoreOf(home, (store) =>
      store.admit({
        session,
        key: "k",
        body: '{"prompt":"HANG"}',
        provider: "claude-code",
      }),
    );
    const worker = startProgram(home, ["worker", "--provider", "claude-code", "--drain-ms", "0"], env);
    await model.waitFor(1);
    const pid = await processOf(home, "1.1");
    worker.child.kill("SIGTERM");
    expect(await worker.ended).toEqual([0, null]);
    await ended(pid);
    expect(worker.stderr).toContain("Run 1.1 interrupted: The worker is being stopped.");
    const [input] = await withStoreOf(home, (store) => store.inputs({}));
    expect(input).toMatchObject({ state: "queued", attempts: 0 });
  });

  test("answers no question of the agent's where nobody can be asked", async () => {
    const { code, stderr } = await home.run(["run", "BASH echo one > made", ...to], env);
    expect(code).toBe(0);
    expect(stderr).toContain("Bash may not be used.");
    const { stdout } = await home.run(["show", "s-1"], env);
    expect(stdout).toContain("▸ Bash echo one > made → failed:");
  });

  test("asks no questions where its user says so", async () => {
    const bypassing = [...to, "--permission-mode", "bypassPermissions"];
    const { code, stderr } = await home.run(
      ["run", `BASH echo one > ${home.folder}/made`, ...bypassing],
      env,
    );
    expect([code, readFileSync(join(home.folder, "made"), "utf8")], stderr).toEqual([0, "one\n"]);
  });
});

test("without an SDK says what to install, uses up no try, and ends the worker", async () => {
  using home = new Home();
  await withStoreOf(home, (store) =>
    store.admit({ session, key: "k", body: '{"prompt":"SAY one"}', provider: "claude-code" }),
  );
  const { code, stderr } = await home.run(["worker", "--provider", "claude-code"]);
  expect(code).toBe(1);
  expect(stderr).toContain("npm install @anthropic-ai/claude-agent-sdk");
  const [input] = await withStoreOf(home, (store) => store.inputs({}));
  expect(input).toMatchObject({ state: "queued", attempts: 0 });
});

/** The agent's process, as its run names it. */
async function processOf(home: Home, run: string): Promise<number> {
  return await withStoreOf(home, async (store) => {
    const { entries } = await store.read({ log: { ...session, log: `@run/${run}` }, run });
    const named = entries.map(({ body }) => objectIn(body)?.["process"]).find((one) => one !== undefined);
    return (named as { readonly pid: number }).pid;
  });
}
