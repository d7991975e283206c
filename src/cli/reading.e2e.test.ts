import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import {
  assistant,
  first,
  project,
  second,
  secret,
  subagent,
  turn,
  user,
} from "../../test/cli/transcripts.ts";

let home: Home;

beforeEach(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  home.transcript("-other", second, [user("o1", null, "Second prompt", 30), assistant("o2", "o1", [], 31)]);
  expect((await home.run(["import"])).code).toBe(0);
});

afterEach(() => home[Symbol.dispose]());

describe("list", () => {
  it("shows the newest session first, and no escape sequence off a terminal", async () => {
    const { code, stdout } = await home.run(["list"]);
    expect(code).toBe(0);
    expect(stdout.split("\n")[1]).toContain(second.slice(0, 8));
    expect(stdout).not.toContain("\u001b");
    expect(stdout).not.toContain(secret);
  });

  it("gives JSON with a schema version, a page and the cursor to the next", async () => {
    const page = JSON.parse((await home.run(["list", "--json", "--limit", "1"])).stdout);
    expect(page).toMatchObject({ schemaVersion: 1, sessions: [{ session: second, project: "-other" }] });
    const next = await home.run(["list", "--json", "--limit", "1", "--cursor", page.cursor]);
    expect(JSON.parse(next.stdout).sessions[0].session).toBe(first);
  });

  it.each([
    [["--project", project], 1],
    [["--provider", "claude-code"], 2],
    [["--provider", "cursor"], 0],
    [["--title", "second"], 1],
    [["--since", "2026-11-20T12:20:00Z"], 1],
    [["--since", "1m"], 0],
  ])("filters by %j", async (filter, count) => {
    const { stdout } = await home.run(["list", "--json", ...filter]);
    expect(JSON.parse(stdout).sessions).toHaveLength(count);
  });

  it.each([
    ["--limit", "0"],
    ["--limit", "x"],
    ["--since", "soon"],
    ["--cursor", "!"],
    ["--unknown", "x"],
  ])("refuses %s %s as bad usage in one line", async (option, value) => {
    const { code, stdout, stderr } = await home.run(["list", option, value]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^holdfast: [^\n]+\n$/);
  });
});

describe("show", () => {
  it("folds results into their calls and nests the subagent below the call that started it", async () => {
    const { code, stdout } = await home.run(["show", first.slice(0, 6), "--project", project]);
    expect(code).toBe(0);
    expect(stdout).toContain("▸ Bash ls -la → 3 lines");
    const lines = stdout.split("\n");
    const agent = lines.findIndex((line) => line.startsWith("▸ Agent"));
    expect(lines[agent + 1]).toContain("subagents/agent-abc123");
    expect(lines.slice(agent).join("\n")).toMatch(/│ ● inner answer[^]*● All \*\*done\*\*/);
  });

  it("redacts secrets and makes escape sequences harmless", async () => {
    for (const args of [
      ["show", first],
      ["show", first, "--json"],
      ["tail", first, "-n", "99"],
    ]) {
      const { stdout } = await home.run(args);
      expect(stdout).toContain("REDACTED");
      expect(stdout).not.toContain(secret);
      expect(stdout).not.toContain("\u001b");
      expect(stdout).not.toContain("\u0007");
    }
  });

  it("opens at the tail and gives the stored bytes with --raw", async () => {
    const { stdout } = await home.run(["show", first, "--raw"]);
    expect(stdout).toBe(turn.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    const tail = await home.run(["show", first, "--raw", "--tail", "2"]);
    expect(tail.stdout).toBe(
      turn
        .slice(-2)
        .map((entry) => `${JSON.stringify(entry)}\n`)
        .join(""),
    );
    expect((await home.run(["show", first, "--tail", "2"])).stdout).not.toContain("Bash");
  });

  it("gives JSON with the session, its logs and one log's entries", async () => {
    const shown = JSON.parse((await home.run(["show", first, "--json"])).stdout);
    expect(shown).toMatchObject({ schemaVersion: 1, session: { session: first }, log: "" });
    expect(shown.entries).toHaveLength(turn.length);
    expect(shown.entries[1]).toMatchObject({ seq: 2, uuid: "a1", entry: turn[1] });
    const log = ["--log", "subagents/agent-abc123"];
    expect(JSON.parse((await home.run(["show", first, "--json", ...log])).stdout).entries).toHaveLength(2);
  });

  it("refuses a prefix of two sessions and names both", async () => {
    const { code, stderr } = await home.run(["show", "0c8f"]);
    expect(code).toBe(2);
    expect(stderr).toContain(first);
    expect(stderr).toContain(second);
  });

  it("fails for an unknown session, an unknown log and two formats at once", async () => {
    expect((await home.run(["show", "ffff"])).code).toBe(1);
    expect((await home.run(["show", first, "--log", "nope"])).code).toBe(1);
    expect((await home.run(["show", first, "--raw", "--json"])).code).toBe(2);
    expect((await home.run(["show", ""])).code).toBe(2);
  });

  it("ends quietly when its reader goes away", async () => {
    const entries = Array.from({ length: 3000 }, (_, at) => user(`x${at}`, null, "x".repeat(500), 1));
    home.transcript("-big", "11111111-0000-4000-8000-000000000000", entries);
    await home.run(["import"]);
    const child = home.start(["show", "11111111", "--raw"]);
    const { promise, resolve } = Promise.withResolvers<number | null>();
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += String(chunk)));
    child.once("close", resolve);
    child.stdout.once("data", () => child.stdout.destroy());
    expect(await promise).toBe(0);
    expect(stderr).toBe("");
  });
});

describe("a machine without a store", () => {
  it.each([
    ["list"],
    ["show", "a"],
    ["tail", "a"],
    ["verify", "--all"],
    ["doctor"],
    ["rm", "a"],
    ["export", "a"],
  ])("is told so by %s, and none is made", async (...args) => {
    using empty = new Home();
    const { code, stderr } = await empty.run(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^holdfast: There is no store[^\n]*import[^\n]*\n$/);
    expect((await empty.run(["list"])).code).toBe(1);
  });
});

describe("the store's place", () => {
  it("comes from --store, then HOLDFAST_STORE, then the config file, then the data folder", async () => {
    home.write(".config/holdfast/config.json", '{"store": "/nowhere/config.db"}');
    expect((await home.run(["list"])).stderr).toContain("/nowhere/config.db");
    const env = { HOLDFAST_STORE: "/nowhere/env.db" };
    expect((await home.run(["list"], env)).stderr).toContain("/nowhere/env.db");
    expect((await home.run(["list", "--store", home.database], env)).code).toBe(0);
    expect((await home.run(["--store", `sqlite:${home.database}`, "list"], env)).code).toBe(0);
    expect((await home.run(["list", "--store", "mysql://me:pw@x/y"])).code).toBe(2);
  });

  it("is refused in one line when the config file is broken", async () => {
    home.write(".config/holdfast/config.json", "{");
    expect(await home.run(["list"])).toMatchObject({ code: 2, stdout: "" });
    home.write(".config/holdfast/config.json", '{"store": 5}');
    expect((await home.run(["list"])).code).toBe(2);
  });
});

describe("the program", () => {
  it("prints its version and help on stdout, and an unknown command's name on stderr", async () => {
    expect((await home.run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await home.run(["list", "--help"])).toMatchObject({ code: 0, stderr: "" });
    expect(await home.run(["frobnicate"])).toMatchObject({ code: 2, stdout: "" });
    expect((await home.run([])).code).toBe(2);
    expect((await home.run(["show"])).code).toBe(2);
  });

  it("shows a stack only when it is asked to", async () => {
    expect((await home.run(["show", "ffff"])).stderr).not.toContain("    at ");
    expect((await home.run(["show", "ffff"], { HOLDFAST_DEBUG: "1" })).stderr).toContain("    at ");
  });
});
