import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { dangerous, plain } from "../../test/cli/screen.ts";
import { secret } from "../../test/cli/transcripts.ts";
import { damaged, leaveRun, withStoreOf } from "../../test/cli/work.ts";

let home: Home;
const session = { project: "p", session: "s-1" };
const at = ["--agent", "scripted", "--project", "p", "--session", "s-1"];

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("run", () => {
  it("makes the store and the session, and tells the receipt on stdout and what comes before it on stderr", async () => {
    const { code, stdout, stderr } = await home.runInside([
      "run",
      "say Hi.; tool Read query; say Bye.",
      ...at,
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Committed run 1\.1: \d+ entries, revision 1, digest [0-9a-f]{16}\.\n$/);
    const lines = stderr.split("\n");
    expect(lines[0]).toContain("not committed yet");
    expect(lines.slice(1, -1).every((line) => line.startsWith("┆ "))).toBe(true);
    for (const part of ["❯ say Hi.", "● Hi.", "▸ Read", "⎿ Read → Read is done.", "● Bye."])
      expect(stderr).toContain(`┆ ${part.startsWith("⎿") ? "  " : ""}${part}`);
    expect((await home.runInside(["show", "s-1"])).stdout).toContain("● Bye.");
  });

  it("ends with 1 and the agent's words where it ended badly, and the turn is committed", async () => {
    const { code, stdout } = await home.runInside(["run", "fail it broke", ...at]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Committed run 1\.1: .* The agent ended with a failure: it broke\n$/);
  });

  it("gives its events one JSON document a line, and last the outcome with the whole receipt", async () => {
    const { stdout } = await home.runInside(["run", "say Hi.", ...at, "--key", "k", "--json"]);
    const told = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const of = { schemaVersion: 1, run: "1.1", input: "1", attempt: 1, replayed: false };
    expect(told.slice(0, -1)).toMatchObject([
      { ...of, committed: false, event: { type: "status", status: "started" } },
      { ...of, committed: false, event: { type: "user", text: "say Hi." } },
      { ...of, committed: false, event: { type: "assistant", text: "Hi." } },
      { ...of, committed: true, event: { type: "result", ok: true, text: "Hi." } },
    ]);
    expect(told.at(-1)).toMatchObject({
      schemaVersion: 1,
      ...session,
      input: "1",
      key: "k",
      state: "consumed",
      run: "1.1",
      ok: true,
      text: "Hi.",
      admitted: true,
      receipt: { run: "1.1", revision: 1, digest: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it("does one request once, whose outcome it tells again; refuses another one of that key", async () => {
    const first = await home.runInside(["run", "say Hi.", ...at, "--key", "k"]);
    const again = await home.runInside(["run", "say Hi.", ...at, "--key", "k"]);
    expect(again).toMatchObject({ code: 0, stdout: first.stdout });
    expect(again.stderr).toContain("admitted before by this key");
    const other = await home.runInside(["run", "say Ho.", ...at, "--key", "k"]);
    expect(other).toMatchObject({ code: 1, stdout: "" });
    expect(JSON.parse((await home.runInside(["runs", "list", "--json"])).stdout).runs).toHaveLength(1);
  });

  it("labels the session, and finds it again by its resume key", async () => {
    const keyed = ["--agent", "scripted", "--project", "p", "--resume-key", "issue-7"];
    await home.runInside(["run", "say 1", ...keyed, "--label", "team=core", "--label", "pr=a=b"]);
    await home.runInside(["run", "say 2", ...keyed]);
    await home.runInside(["run", "say 3", ...keyed.map((word) => (word === "p" ? "other" : word))]);
    const { sessions } = JSON.parse((await home.runInside(["list", "--json", "--project", "p"])).stdout);
    expect(sessions).toMatchObject([
      { revision: 2, resumeKey: "issue-7", labels: { team: "core", pr: "a=b" } },
    ]);
    expect(sessions[0].resumeToken).toEqual(expect.any(String));
  });

  it("never completes an id: it goes on only with a whole one, and asks for --new where others begin so", async () => {
    await home.runInside(["run", "say 1", ...at]);
    const half = ["--agent", "scripted", "--project", "p", "--session", "s"];
    const refused = await home.runInside(["run", "say 2", ...half]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("s-1");
    expect((await home.runInside(["run", "say 2", ...half, "--new"])).code).toBe(0);
    expect((await home.runInside(["run", "say 3", ...half])).code).toBe(0);
    const { sessions } = JSON.parse((await home.runInside(["list", "--json"])).stdout);
    expect(sessions).toMatchObject([
      { session: "s", revision: 2 },
      { session: "s-1", revision: 1 },
    ]);
  });

  it("takes the project of the session that is there, and asks where several have it", async () => {
    await home.runInside(["run", "say 1", ...at]);
    await home.runInside(["run", "say 2", "--agent", "scripted", "--session", "s-1"]);
    const { sessions } = JSON.parse((await home.runInside(["list", "--json"])).stdout);
    expect(sessions).toMatchObject([{ project: "p", revision: 2 }]);
    await home.runInside(["run", "say 3", "--agent", "scripted", "--session", "s-1", "--project", "q"]);
    const { code, stderr } = await home.runInside(["run", "say", "--agent", "scripted", "--session", "s-1"]);
    expect(code).toBe(2);
    expect(stderr).toContain("2 projects hold a session s-1");
  });

  it("admits nothing with --no-wait where the session is leased or waits for an operator", async () => {
    await withStoreOf(home, (store) => store.acquireLease({ session, owner: "other host", leaseMs: 60_000 }));
    const leased = await home.runInside(["run", "say 1", ...at, "--no-wait"]);
    expect(leased).toMatchObject({ code: 4, stdout: "" });
    expect(leased.stderr).toContain("other host");
    await withStoreOf(home, (store) => store.clearLease({ session, actor: "test" }));
    const run = await leaveRun(home, session, damaged);
    const held = await home.runInside(["run", "say 1", ...at, "--no-wait"]);
    expect(held).toMatchObject({ code: 4, stdout: "" });
    expect(held.stderr).toContain(`holdfast runs resolve ${run.id}`);
    expect(await withStoreOf(home, (store) => store.inputs({ state: "queued" }))).toEqual([]);
  });

  it("first ends what a dead worker left of the session, and then that input and its own", async () => {
    await leaveRun(home, session, { type: "user", text: "say it" });
    const { code, stdout, stderr } = await home.runInside(["run", "say mine", ...at]);
    expect(code).toBe(0);
    expect(stdout).toContain("Committed run 2.1");
    expect(stderr).toContain(
      "Run 1.2 in session s-1 of project p, attempt 2, of the input 1 that goes first.",
    );
  });

  it("shows again what an interrupted run told, marked so, and tells it apart in JSON", async () => {
    const told = [
      { type: "user", text: "say it" },
      { type: "assistant", text: "Nearly." },
    ] as const;
    await leaveRun(home, session, ...told);
    const { stdout, stderr } = await home.runInside(["run", "say mine", ...at, "--json"]);
    expect(stderr).toContain("┆ ↺ ❯ say it\n┆ ↺ ● Nearly.\n");
    expect(stderr).toContain("The run 1.1 was interrupted; this is what it told:");
    expect(stderr).toContain("┆ ● it\n");
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    const replayed = lines.filter((line) => line.replayed === true);
    expect(replayed).toMatchObject([
      { run: "1.2", committed: false, event: { type: "status", of: "1.1", replayed: true } },
      { run: "1.2", event: told[0] },
      { run: "1.2", event: told[1] },
    ]);
    expect(lines.slice(0, 3)).toEqual(replayed);
    expect((await home.runInside(["run", "say more", ...at])).stderr).not.toContain("↺");
  });

  it.each([
    ["--model", "opus"],
    ["--permission-mode", "plan"],
    ["--cwd", "."],
    ["--attach", "x.png"],
  ])("refuses %s for an agent that would not heed it", async (option, value) => {
    const { code, stderr } = await home.runInside(["run", "say Hi.", ...at, option, value]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${option} means nothing to the agent scripted.`);
  });

  it("hides secrets and shows what could drive a terminal, wherever the prompt comes out", async () => {
    const prompt = `say ${secret} \u001b[31mred\u0007; fail \u001b[2J\u0007 ${secret}`;
    for (const args of [
      ["run", prompt, ...at],
      ["run", prompt, ...at, "--json"],
      ["runs", "list"],
      ["runs", "show", "1.1", "--events"],
      ["runs", "show", "1.1", "--events", "--json"],
      ["inputs", "list"],
      ["inputs", "list", "--json"],
    ]) {
      const { code, printed } = await home.runInside(args, { terminal: { columns: 80 } });
      expect([0, 1]).toContain(code);
      expect(printed).not.toContain(secret);
      expect(plain(printed)).not.toMatch(dangerous);
    }
  });
});
