import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { plain } from "../../test/cli/screen.ts";
import { assistant, first, project, secret, turn, user } from "../../test/cli/transcripts.ts";
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
    expect(stdout).toContain("▸ Bash make world → built with REDACTED\n▸ Bash lost → no result\n");
    expect(stdout).toContain("▸ Read /x → 2 lines\n");
    expect(stdout.match(/→/g)).toHaveLength(3);
    const markdown = (await home.runInside(["export", first, "--format", "markdown"])).stdout;
    expect(markdown).toContain("Bash make world</summary>\n\n```\nbuilt with REDACTED\n```");
    expect(markdown).toContain("Bash lost (no result)</summary>");
  });

  it("whose result stands in the last entries without it leaves the result to be seen", async () => {
    home.transcript(project, first, [
      assistant("c1", "x", [call("t1", "Bash", { command: "a" })], 1),
      user("u1", "c1", "meanwhile", 1),
      result("t1", "one"),
      assistant("c2", "x", [call("t2", "Read", { file_path: "/b" })], 1),
      result("t2", "two"),
    ]);
    await home.runInside(["import"]);
    const shown = (await home.runInside(["show", first, "--tail", "2"])).stdout;
    expect(shown.split("\n").slice(3).join("\n")).toBe("  ⎿ → one\n▸ Read /b → two\n");
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
      ["mcp__x__y", { a: 1, token: secret }, '{"a":1,"token":"REDACTED"}'],
      ["Nothing", {}, ""],
    ];
    const calls = inputs.map(([name, input], at) => call(`t${at}`, name, input));
    home.transcript(project, first, [assistant("c1", "x", calls, 1)]);
    await home.runInside(["import"]);
    const { stdout } = await home.runInside(["show", first]);
    for (const [name, , detail] of inputs) expect(stdout).toContain(`▸ ${name} ${detail} → no result\n`);
  });
});

describe("commands of the user's own", () => {
  beforeEach(async () => {
    const lines = Array.from({ length: 30 }, (_, at) => `line ${at} ${secret}`).join("\n");
    home.transcript(project, first, [
      assistant("a1", "x", [{ type: "text", text: "Done." }], 1),
      { type: "system", subtype: "compact_boundary", uuid: "b1", parentUuid: null, content: "Compacted" },
      user("u1", "b1", "<command-name>/compact</command-name><command-args>now</command-args>", 2),
      user("u2", "u1", "<local-command-stdout>\u001b[2mCompacted\u001b[22m\nwhole</local-command-stdout>", 2),
      user("u3", "u2", `<bash-input>cat it</bash-input><bash-stdout>${lines}</bash-stdout>`, 3),
    ]);
    await home.runInside(["import"]);
  });

  it.each(["show", "tail"])(
    "are shown by %s as they were typed, their output as text that is folded",
    async (verb) => {
      const { stdout } = await home.runInside([verb, first]);
      expect(stdout).toContain(
        "● Done.\n\n── conversation compacted ──\n\n❯ /compact now\n  ⎿ Compacted\n    whole\n\n❯ ! cat it\n  ⎿ line 0 REDACTED\n    line 1",
      );
      expect(stdout).toMatch(/line 7 REDACTED\n {4}… 22 more lines\n$/);
      expect(stdout).not.toMatch(/command-|stdout|␛/);
    },
  );

  it("are dim on a terminal, within its width, and whole in Markdown", async () => {
    const { stdout } = await home.runInside(["show", first], { terminal: { columns: 15 } });
    expect(stdout).toContain("\u001b[2mCompacted\u001b[22m\n");
    expect(plain(stdout)).toContain("  ⎿ line 0\n    REDACTED\n");
    const markdown = (await home.runInside(["export", first, "--format", "markdown"])).stdout;
    expect(markdown).toContain("## User\n\n/compact now\n");
    expect(markdown).toContain("<summary>Output</summary>\n\n```\nCompacted\nwhole\n```");
    expect(markdown).toContain("line 29 REDACTED");
  });
});

describe("the last entries", () => {
  const bookkeeping = Array.from({ length: 450 }, (_, at) => [
    { type: "mode", mode: "normal", at },
    { ...user(`meta${at}`, "a3", "never shown", 7), isMeta: true },
  ]).flat();

  it("are those of which something is seen, however much bookkeeping comes behind and between them", async () => {
    home.transcript(project, first, [
      ...turn,
      ...bookkeeping,
      user("u2", "a3", "second prompt", 8),
      ...bookkeeping.map((entry) => ({ ...entry, uuid: undefined, late: true })),
    ]);
    await home.runInside(["import"]);
    const tailed = await home.runInside(["tail", first, "-n", "3"]);
    expect(tailed.stdout).toBe("  ⎿ → agent finished\n\n● All **done**.\n\n❯ second prompt\n");
    expect((await home.runInside(["tail", first, "-n", "1"])).stdout).toBe("\n❯ second prompt\n");
    expect((await home.runInside(["tail", first, "-n", "0"])).stdout).toBe("");
    const shown = async (count: string) =>
      (await home.runInside(["show", first, "--tail", count])).stdout.split("\n").slice(3).join("\n");
    expect(await shown("2")).toBe("\n● All **done**.\n\n❯ second prompt\n");
    // A call and its result are one.
    expect(await shown("4")).toBe(
      "▸ Bash ls -la → 3 lines\n▸ Agent delegate → agent finished\n\n● All **done**.\n\n❯ second prompt\n",
    );
    expect(await shown("999")).toContain("❯ Please read it");
  });

  it("are counted as they are stored by --raw and --json", async () => {
    home.transcript(project, first, [...turn, ...bookkeeping]);
    await home.runInside(["import"]);
    const last = bookkeeping.slice(-2).map((entry) => `${JSON.stringify(entry)}\n`);
    expect((await home.runInside(["show", first, "--raw", "--tail", "2"])).stdout).toBe(last.join(""));
    expect((await home.runInside(["tail", first, "--raw", "-n", "2"])).stdout).toBe(last.join(""));
    expect((await home.runInside(["tail", first, "--json", "-n", "2"])).stdout.split("\n")).toHaveLength(3);
    const { stdout } = await home.runInside(["show", first, "--json", "--tail", "2"]);
    expect(JSON.parse(stdout).entries).toHaveLength(2);
  });

  it("are the last in the order of reading where a rescue stored a block late", async () => {
    home.transcript(project, first, [turn[0]!, turn[5]!]);
    await home.runInside(["import"]);
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    const { stdout } = await home.runInside(["show", first, "--tail", "2"]);
    expect(stdout).toMatch(/2:06\n▸ Agent delegate → agent finished\n\n● All \*\*done\*\*\.\n$/);
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
