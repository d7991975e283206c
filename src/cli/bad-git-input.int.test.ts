import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaveCheckpoint } from "../../test/cli/checkpoint-example.ts";
import { Home, snapshot } from "../../test/cli/home.ts";
import { gitTestEnv, runTestGit } from "../../test/git/repositories.ts";
import { createProgram } from "./program.ts";

const before = process.cwd();
const { HOME: _, ...env } = gitTestEnv;
const group = createProgram(() => {}).commands.find((command) => command.name() === "git")!;
const verbs = group
  .createHelp()
  .visibleCommands(group)
  .map((verb) => ({
    name: verb.name(),
    takesAny: verb.registeredArguments.some(({ variadic }) => variadic),
    takes: verb.registeredArguments.length,
  }));
const long = "x".repeat(50_000);
const checkpoint = "a3b2c4d5e6f7";
let home: Home;
let inside: string;
let outside: string;

beforeAll(async () => {
  home = new Home();
  inside = join(home.folder, "repository");
  outside = join(home.folder, "elsewhere");
  for (const folder of [inside, outside]) mkdirSync(folder);
  await runTestGit(inside, ["init", "-q", "-b", "main", "."]);
  await leaveCheckpoint(inside);
  process.chdir(inside);
  // What reading keeps to be faster is there before.
  for (const verb of ["list", "log"]) expect((await home.runInside(["git", verb], { env })).code).toBe(0);
});

afterAll(() => {
  process.chdir(before);
  home[Symbol.dispose]();
});

/** What a command does not go without. */
const needed: Readonly<Record<string, readonly string[]>> = {
  explain: ["HEAD"],
  why: ["src/greet.js:1"],
  resume: ["main"],
  rewind: ["HEAD"],
  expire: ["--before", "14d"],
  migrate: ["--from", "git-refs", "--to", "v2"],
};
const callOf = (name: string): readonly string[] => [name, ...(needed[name] ?? [])];

type Row = readonly [args: readonly string[], code: number, named: readonly string[]];

/** Arguments behind `git`, exit code, and what the message must name: the wrong thing and the next step. */
const table: readonly Row[] = [
  [["frobnicate"], 2, ["frobnicate", "holdfast git --help"]],
  [["lst"], 2, ["lst", "Did you mean list?"]],
  ...verbs.flatMap(({ name }): Row[] => [
    [[...callOf(name), "--nonsense"], 2, ["--nonsense", `holdfast git ${name} --help`]],
    [["--json", name], 2, ["'--json'", `holdfast git ${name} --json instead.`]],
  ]),
  ...verbs
    .filter(({ takesAny }) => !takesAny)
    .map(({ name, takes }): Row => [
      [name, ...(needed[name] ?? []).slice(takes), ...Array<string>(takes).fill("a"), long],
      2,
      ["Too many", "xxx…", `holdfast git ${name} --help`],
    ]),
  ...["explain", "why", "resume"].map((verb): Row => [
    [verb],
    2,
    ["argument", `holdfast git ${verb} --help`],
  ]),
  ...["explain", "resume"].flatMap((verb): Row[] => [
    [[verb, "ffffffffffff"], 1, ["ffffffffffff", "holdfast git fetch "]],
    [[verb, "no-such-branch"], 1, ["no-such-branch", "holdfast git l"]],
    [[verb, "\u001b[31mred"], 1, ["holdfast git l"]],
    [[verb, long], 1, ["xxx"]],
    [[verb, ""], 1, ["holdfast git l"]],
    [[verb, "--", "--upload-pack=x"], 1, ["--upload-pack=x", "holdfast git l"]],
  ]),
  [["resume", "main", "--session", "ffff"], 1, ["ffff"]],
  [["rewind", "ffffffffffff"], 1, ["ffffffffffff"]],
  [["rewind"], 2, ["--undo"]],
  [["rewind", checkpoint, "--undo"], 2, ["--undo"]],
  [["rewind", "--undo"], 1, ["Nothing was rewound"]],
  [["why", "src/greet.js"], 2, ["src/greet.js", "such as src/main.ts:12"]],
  [["why", "src/greet.js:0"], 2, ["such as src/main.ts:12"]],
  [["why", "src/greet.js:99"], 2, ["99"]],
  [["why", "absent.js:1"], 2, ["absent.js"]],
  [["why", "../elsewhere/x:1"], 2, ["elsewhere/x", "Name a file of the repository"]],
  [
    ["why", "src/greet.js:1", "--rev", "no-such-branch"],
    2,
    ["no-such-branch", "a commit, a branch or a tag"],
  ],
  ...["log", "link"].flatMap((verb): Row[] => [
    [[verb, "no-such-branch"], 2, ["no-such-branch"]],
    [[verb, "--", "--output=x"], 2, ["--output=x"]],
    [[verb, "-n", "0"], 2, ["-n", "0"]],
    [[verb, "-n", "x"], 2, ["-n", "x"]],
  ]),
  [["list", "--limit", "0"], 2, ["--limit", "such as --limit 20"]],
  [["enable", "--layout", "v3"], 2, ['"v3"', "git-refs, git-branch, v2"]],
  [["enable", "--layout", ""], 2, ["--layout is empty"]],
  [["enable", "--mirror", "v3"], 2, ['"v3"', "git-refs, git-branch, v2"]],
  [["enable", "--mirror", "v2,"], 2, ["git-refs, git-branch, v2"]],
  [["enable", "--layout", "v2", "--mirror", "v2"], 2, ["its own mirror"]],
  [["enable", "--layout", "v2", "--mirror", "git-branch,git-branch"], 2, ["twice"]],
  [["enable", "--mirror", "v2"], 2, ["ULIDs", "git config holdfast.ulidMirrors true"]],
  ...["push", "fetch"].flatMap((verb): Row[] => [
    [[verb], 1, ["no remote", "git config holdfast.remote <name>"]],
    [[verb, "--remote", "nowhere"], 1, ['"nowhere"', "git remote add"]],
    [[verb, "--remote", "--upload-pack=x"], 1, ["--upload-pack=x", "git remote add"]],
    [[verb, "--timeout", "0"], 2, ["--timeout", "such as --timeout 20"]],
  ]),
  [["fetch", checkpoint, "--all"], 2, ["--all"]],
  ...["verify", "repair"].flatMap((verb): Row[] => [
    [[verb, "no-id"], 2, ['"no-id"', "12 lower-case hex digits"]],
    [[verb, long], 2, ["xxx", "12 lower-case hex digits"]],
  ]),
  [["migrate"], 2, ["--from", "holdfast git migrate --help"]],
  [["migrate", "--from", "v2", "--to", "v3"], 2, ['"v3"', "git-refs, git-branch, v2"]],
  [["migrate", "--from", "v2", "--to", "v2"], 2, ["v2"]],
  [["expire"], 2, ["--before", "holdfast git expire --help"]],
  [["expire", "--before", "soon"], 2, ["soon", "such as 30m"]],
];

describe("bad input of holdfast git", () => {
  const titled = table.map((row) => ({ title: row[0].map(titleOf).join(" "), row }));

  it.each(titled)("is told of and changes nothing: $title", async ({ row: [args, code, named] }) => {
    const { stderr } = await refused(inside, args, code);
    for (const part of named) expect(stderr).toContain(part);
    expect(stderr.length).toBeLessThan(900);
  });

  it.each(verbs)("outside of a repository is told of and changes nothing: $name", async ({ name }) => {
    for (const json of [[], ["--json"]]) {
      const { stderr } = await refused(outside, [...callOf(name), ...json], 2);
      expect(stderr).toContain(`${outside} lies in no git repository`);
      expect(stderr).toContain("git init");
    }
  });

  it("is told of in the same words where JSON is asked for, and stdout stays empty", async () => {
    const { stderr } = await refused(inside, ["explain", "ffffffffffff", "--json"], 1);
    expect(stderr).toContain("holdfast git fetch ffffffffffff");
  });
});

/** Runs what is to be refused, and looks that nothing came of it. */
async function refused(
  folder: string,
  args: readonly string[],
  code: number,
): Promise<{ readonly stderr: string }> {
  process.chdir(folder);
  const files = snapshot(home.folder);
  const ran = await home.runInside(["git", ...args], { env });
  expect({ code: ran.code, stdout: ran.stdout }, ran.stderr).toEqual({ code, stdout: "" });
  expect(ran.stderr).toMatch(/^holdfast: [^\n]+\n$/);
  expect(ran.stderr).not.toContain("\u001b");
  expect(snapshot(home.folder)).toEqual(files);
  return ran;
}

function titleOf(arg: string): string {
  return arg === "" ? '""' : arg.length > 60 ? `${arg.slice(0, 9)}…` : JSON.stringify(arg).slice(1, -1);
}
