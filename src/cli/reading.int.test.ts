import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { assistant, first, project, second, secret, turn, user } from "../../test/cli/transcripts.ts";
import { openStore } from "../open-store.ts";

let home: Home;

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("a tool call", () => {
  it("is shown with its result, however far away that is in the log", async () => {
    const filler = (at: number) => user(`f${at}`, null, `prompt ${at}`, 1);
    home.transcript(project, first, [
      assistant("c1", "x", [call("toolu_far", "Bash", { command: "make world" })], 1),
      assistant("c2", "x", [call("toolu_none", "Bash", { command: "lost" })], 1),
      ...Array.from({ length: 3000 }, (_, at) => filler(at)),
      result("toolu_far", `built with ${secret}`),
      assistant("c3", "x", [call("toolu_near", "Read", { file_path: "/x" })], 2),
      result("toolu_near", "one\ntwo"),
    ]);
    await home.runInside(["import"]);
    const { stdout } = await home.runInside(["show", first]);
    expect(stdout).toContain("▸ Bash make world → built with [redacted]\n▸ Bash lost → no result\n");
    expect(stdout).toContain("▸ Read /x → 2 lines\n");
    expect(stdout.match(/→/g)).toHaveLength(3);
    const markdown = (await home.runInside(["export", first, "--format", "markdown"])).stdout;
    expect(markdown).toContain("Bash make world</summary>\n\n```\nbuilt with [redacted]\n```");
    expect(markdown).toContain("Bash lost (no result)</summary>");
  });

  it("whose result stands in the last entries without it leaves the result to be seen", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    const shown = (await home.runInside(["show", first, "--tail", "5"])).stdout;
    expect(shown).toContain("  ⎿ → 3 lines\n▸ Agent delegate → agent finished");
  });

  it("of several at once is named again by tail where its result is printed", async () => {
    home.transcript(project, first, [
      assistant(
        "c1",
        "x",
        [call("t1", "Bash", { command: "a" }), call("t2", "Read", { file_path: "/b" })],
        1,
      ),
      result("t2", "two"),
      result("t1", "one"),
    ]);
    await home.runInside(["import"]);
    expect((await home.runInside(["tail", first])).stdout).toBe(
      "▸ Bash a\n▸ Read /b\n  ⎿ Read → two\n  ⎿ Bash → one\n",
    );
  });

  it("shows in its line what a person would ask first", async () => {
    const inputs: readonly [string, object, string][] = [
      ["Bash", { description: "list it", command: "ls" }, "ls"],
      ["Edit", { old_string: "a", new_string: "b", file_path: "/f.ts" }, "/f.ts"],
      ["Grep", { path: "/src", pattern: "todo" }, "todo"],
      ["WebFetch", { prompt: "sum up", url: "https://x.test" }, "https://x.test"],
      ["Agent", { prompt: "long", description: "short" }, "short"],
      ["mcp__x__y", { a: 1, token: secret }, '{"a":1,"token":"[redacted]"}'],
      ["Nothing", {}, ""],
    ];
    const calls = inputs.map(([name, input], at) => call(`t${at}`, name, input));
    home.transcript(project, first, [assistant("c1", "x", calls, 1)]);
    await home.runInside(["import"]);
    const { stdout } = await home.runInside(["show", first]);
    for (const [name, , detail] of inputs) expect(stdout).toContain(`▸ ${name} ${detail} → no result\n`);
  });
});

describe("list", () => {
  it("takes a bare date for the day at this machine", async () => {
    home.transcript(project, first, [user("d1", null, "x", 0)]);
    await home.runInside(["import"]);
    const count = async (since: string, zone: string) =>
      JSON.parse((await home.runInside(["list", "--json", "--since", since], { env: { TZ: zone } })).stdout)
        .sessions.length;
    // 12:00 in UTC is 01:00 of the next day in Auckland.
    expect(await count("2026-11-21", "UTC")).toBe(0);
    expect(await count("2026-11-21", "Pacific/Auckland")).toBe(1);
    expect(await count("2026-11-20T12:00Z", "Pacific/Auckland")).toBe(1);
    expect(await count("2026-11-20 12:01", "UTC")).toBe(0);
  });
});

describe("rm", () => {
  it("counts what list and show count, and names the main log", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    expect((await home.runInside(["rm", first, "--dry-run"])).stdout).toBe(
      `Would remove ${first}: 1 log, ${turn.length} entries.\n`,
    );
    expect((await home.runInside(["rm", first, "--log", ""])).stdout).toMatch(/^Removed the main log of /);
    expect((await home.runInside(["list"])).stdout).toContain(first.slice(0, 8));
    const store = await openStore(`sqlite:${home.database}`);
    expect(await store.tombstone({ project, session: first })).toBeNull();
    expect((await home.runInside(["rm", first, "--reason", "old", "--json"])).code).toBe(0);
    expect(await store.tombstone({ project, session: first })).toMatchObject({ reason: "old", sealed: true });
    await store.close();
  });
});

describe("doctor", () => {
  it("advises an import while a transcript of this machine is in no store and was not removed", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
    home.transcript(project, second, [user("d1", null, "x", 0)]);
    const { code, stdout } = await home.runInside(["doctor"]);
    expect(code).toBe(0);
    expect(stdout).toContain("advice  transcripts: 1 session of this machine not in the store");
    await home.runInside(["import"]);
    await home.runInside(["rm", second]);
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
  });
});

describe("help", () => {
  it("explains the program or one command, on stdout", async () => {
    for (const args of [["help"], ["--help"], ["-h"]]) {
      const { code, stdout, stderr } = await home.runInside(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toContain("Exit codes: 0 ok, 1 failure, 2 usage, 3 problems found, 4 busy");
      expect(stdout).not.toContain("complete-session");
    }
    expect((await home.runInside(["help", "rm"])).stdout).toContain("--dry-run");
    expect(await home.runInside([])).toMatchObject({ code: 2, stdout: "" });
  });
});

function call(id: string, name: string, input: object): object {
  return { type: "tool_use", id, name, input };
}

function result(id: string, content: string): object {
  const part = { type: "tool_result", tool_use_id: id, content };
  return { ...user(`r-${id}`, null, "", 2), message: { role: "user", content: [part] } };
}
