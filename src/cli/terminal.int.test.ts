import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { dangerous, plain } from "../../test/cli/screen.ts";
import { assistant, first, project, subagent, turn, user } from "../../test/cli/transcripts.ts";
import { openStore } from "../open-store.ts";
import { widthOf } from "./width.ts";

let home: Home;
const evil = "evil \u001b[2J\u001b]0;owned\u0007\u009b31m\u202eback\u0000\b\r end";
const evilId = "e0000000-0000-4000-8000-000000000000";
const wide = "漢字".repeat(40);
const terminal = { columns: 60 };

beforeAll(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  const call = (name: string, input: object) => [{ type: "tool_use", id: "t1", name, input }];
  home.transcript("-home-dev-a-very-long-project-name-that-takes-a-line", evilId, [
    user("e1", null, `${evil}\n${wide}`, 1),
    assistant("e2", "e1", call(`Bash${evil}`, { command: `${evil} ${wide}` }), 2),
    { ...user("e3", "e2", "", 3), message: { role: "user", content: [resultPart(`${evil}${wide}`)] } },
    assistant(
      "e4",
      "e3",
      [{ type: "text", text: `${"long word ".repeat(30)}${"x".repeat(200)} ${evil}` }],
      4,
    ),
    { type: "system", subtype: "x", uuid: "e5", parentUuid: "e4", content: `${evil} ${wide}` },
    { type: "custom-title", customTitle: `${evil} ${wide}` },
  ]);
  expect((await home.runInside(["import"])).code).toBe(0);
});

afterAll(() => home[Symbol.dispose]());

describe("colours", () => {
  it("are used on a terminal alone, and not under NO_COLOR or on a dumb one", async () => {
    const colored = async (inside: Parameters<Home["runInside"]>[1]) =>
      (await home.runInside(["show", first], inside)).stdout.includes("\u001b[1m");
    expect(await colored({})).toBe(false);
    expect(await colored({ terminal })).toBe(true);
    expect(await colored({ terminal, env: { NO_COLOR: "1" } })).toBe(false);
    expect(await colored({ terminal, env: { NO_COLOR: "" } })).toBe(true);
    expect(await colored({ terminal, env: { TERM: "dumb" } })).toBe(false);
  });

  it("do not change what is said", async () => {
    const columns = { columns: 10_000 };
    const onTerminal = (await home.runInside(["show", first], { terminal: columns })).stdout;
    expect(plain(onTerminal)).toBe((await home.runInside(["show", first])).stdout);
  });

  it("are never in JSON", async () => {
    const { stdout } = await home.runInside(["show", first, "--json"], { terminal });
    expect(stdout).not.toContain("\u001b");
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1 });
  });
});

describe("the progress bar", () => {
  it("is drawn on a terminal's stderr alone, fits it, and is gone at the end", async () => {
    const args = ["import", "--recheck"];
    expect((await home.runInside(args)).stderr).toBe("");
    const narrow = { columns: 20 };
    const { stdout, stderr } = await home.runInside(args, { terminal: narrow });
    expect(stderr).toContain("Importing █");
    expect(stderr.endsWith("\r\u001b[2K")).toBe(true);
    for (const line of stderr.split("\r\u001b[2K")) expect(widthOf(line)).toBeLessThan(20);
    expect(stdout).not.toContain("\u001b");
    const dumb = await home.runInside(args, { terminal: narrow, env: { TERM: "dumb" } });
    expect(dumb.stderr).toBe("");
  });
});

describe("a terminal's width", () => {
  it.each([60, 80, 100, 200])("of %i columns holds every line of a list, and the titles", async (columns) => {
    const { stdout } = await home.runInside(["list"], { terminal: { columns } });
    for (const line of plain(stdout).split("\n")) expect(widthOf(line)).toBeLessThanOrEqual(columns);
    expect(plain(stdout)).toMatch(/TITLE\n[^]*…[^ ]*takes-a-line +evil/);
  });

  it.each([50, 80, 120])("of %i columns holds every line of a transcript", async (columns) => {
    for (const args of [
      ["show", evilId],
      ["show", first],
      ["tail", evilId],
    ]) {
      const { stdout } = await home.runInside(args, { terminal: { columns } });
      for (const line of plain(stdout).split("\n").slice(3))
        expect(widthOf(line), line).toBeLessThanOrEqual(columns);
    }
  });

  it("folds text between words and loses none; a pipe gets each line whole", async () => {
    const folded = plain((await home.runInside(["show", evilId], { terminal: { columns: 50 } })).stdout);
    expect(folded).toMatch(/^● (?:long word )+long\n {2}word long/m);
    const words = (text: string): number => text.split("long").length;
    const whole = (await home.runInside(["show", evilId])).stdout;
    expect(words(folded)).toBe(words(whole));
    expect(whole).toContain("long word ".repeat(30));
  });

  it("keeps the result in sight where the call is long", async () => {
    const { stdout } = await home.runInside(["show", first], { terminal: { columns: 40 } });
    expect(plain(stdout)).toContain("▸ Bash ls -la → 3 lines");
  });
});

describe("escape sequences and control characters from a session", () => {
  it.each([
    [["list"]],
    [["show", evilId]],
    [["show", evilId, "--json"]],
    [["show", evilId, "--raw"]],
    [["tail", evilId]],
    [["tail", evilId, "--json"]],
    [["tail", evilId, "--raw"]],
    [["export", evilId]],
    [["export", evilId, "--raw"]],
    [["export", evilId, "--format", "markdown"]],
    [["list", "--json"]],
    [["verify", "--all"]],
    [["complete-session", "e0"]],
    [["rm", evilId, "--dry-run"]],
  ])("are harmless in %j", async (args) => {
    const { code, stdout, stderr } = await home.runInside(args, { terminal: { columns: 100 } });
    expect(code).toBe(0);
    expect(plain(stdout) + plain(stderr)).not.toMatch(dangerous);
  });

  it("are harmless in the names of sessions, projects and logs, which anyone may give", async () => {
    const store = await openStore(`sqlite:${home.database}`);
    const log = { project: `p${evil}`.replaceAll("\0", ""), session: `n${evil}`.replaceAll("\0", "") };
    const name = `subagents/agent-${evil}`.replaceAll("\0", "");
    for (const each of ["", name])
      await store.append({ log: { ...log, log: each }, entries: [{ body: JSON.stringify(turn[0]) }] });
    await store.close();
    for (const args of [
      ["list"],
      ["list", "--json"],
      ["show", "nevil"],
      ["show", "nevil", "--json"],
      ["show", "nevil", "--log", "nope"],
      ["export", "nevil"],
      ["export", "nevil", "--format", "markdown"],
      ["verify", "nevil"],
      ["complete-session", "n"],
      ["doctor"],
      ["rm", "nevil", "--dry-run"],
      ["rm", "nevil"],
      ["show", log.session],
    ]) {
      const { stdout, stderr } = await home.runInside(args, { terminal: { columns: 100 } });
      expect(plain(stdout) + plain(stderr), args.join(" ")).not.toMatch(dangerous);
    }
  });

  it("come as they are stored only from --raw into a pipe or a file", async () => {
    const body = JSON.stringify({ type: "user", text: "\u009b\u202e" });
    const store = await openStore(`sqlite:${home.database}`);
    await store.append({ log: { project: "p", session: "raw", log: "" }, entries: [{ body }] });
    await store.close();
    expect((await home.runInside(["show", "raw", "--raw"])).stdout).toBe(`${body}\n`);
    const { stdout } = await home.runInside(["show", "raw", "--raw"], { terminal });
    expect(stdout).not.toBe(`${body}\n`);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(body));
  });
});

function resultPart(content: string): object {
  return { type: "tool_result", tool_use_id: "t1", content };
}
