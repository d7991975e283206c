import { once } from "node:events";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Home, snapshot } from "../../test/cli/home.ts";
import { first, project, second, subagent, turn, user } from "../../test/cli/transcripts.ts";

let home: Home;
let server: Server;

beforeAll(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  home.transcript("-other", second, [user("o1", null, "Second prompt", 30)]);
  expect((await home.runInside(["import"])).code).toBe(0);
  mkdirSync(join(home.folder, "folder"));
  writeFileSync(join(home.folder, "taken.txt"), "mine");
  writeFileSync(join(home.folder, "empty.db"), "");
  writeFileSync(join(home.folder, "one-byte.db"), "\n");
  makeNewer(join(home.folder, "newer.db"));
  // Stands for every file that is none: a device of the machine would be lost if it were replaced after all.
  server = createServer().listen(join(home.folder, "socket"));
  await once(server, "listening");
});

afterAll(() => {
  server.close();
  home[Symbol.dispose]();
});

const long = "x".repeat(50_000);
const toNew = ["--agent", "scripted", "--session", "new"];

/** Arguments (`~/` is the test's home), exit code, and what the message must name: the wrong thing and the next step. */
const table: readonly [readonly string[], number, readonly string[]][] = [
  [["frobnicate"], 2, ["frobnicate", "holdfast --help"]],
  [["lst"], 2, ["lst", "Did you mean list?"]],
  [["help", "frobnicate"], 2, ["frobnicate", "holdfast --help"]],
  [["--store"], 2, ["--store", "argument missing", "holdfast --help"]],
  [["--nonsense"], 2, ["--nonsense", "holdfast --help"]],
  ...verbs().map((verb): Row => [[verb, "--nonsense"], 2, ["--nonsense", `holdfast ${verb} --help`]]),
  ...verbs()
    .filter((verb) => verb !== "help")
    .flatMap((verb): Row[] => [
      [[verb, "a", "extra"], 2, ["Too many", "extra", `holdfast ${verb} --help`]],
      [[verb, "a", long], 2, ["Too many", "xxx…", `holdfast ${verb} --help`]],
    ]),
  ...partVerbs().flatMap(([group, verb]): Row[] => [
    [[group, verb, "--nonsense"], 2, ["--nonsense", `holdfast ${group} ${verb} --help`]],
    [[group, verb, "a", "extra"], 2, ["Too many", "extra", `holdfast ${group} ${verb} --help`]],
  ]),
  ...["runs", "inputs", "sessions", "projections"].flatMap((group): Row[] => [
    [[group, "frobnicate"], 2, ["frobnicate", `holdfast ${group} --help`]],
    [[group, "lst"], 2, ["lst", "Did you mean list?"]],
    [["--json", group, "list"], 2, ["'--json'", `type holdfast ${group} list --json instead.`]],
    [[group, "--json", "list"], 2, ["'--json'", `type holdfast ${group} list --json instead.`]],
    [["help", group, "frobnicate"], 2, [`${group} frobnicate`, "holdfast --help"]],
  ]),
  [["help", "help", "help"], 2, ["help help", "holdfast --help"]],
  [["help", "runs", "list", "extra"], 2, ["Too many", "extra"]],
  [["run", ...toNew], 2, ["'prompt'", "holdfast run --help"]],
  [["run", "hi"], 2, ["'--agent <name>'", "holdfast run --help"]],
  [["run", "hi", "--agent", "scripted"], 2, ["No session", "--session", "--resume-key"]],
  [["run", " ", ...toNew], 2, ["prompt is empty", "in quotes"]],
  [["run", "hi", "there", ...toNew], 2, ["Too many", "there"]],
  [["run", "hi", "--agent", "gpt", "--session", "s"], 2, ["gpt", "Name scripted"]],
  [["run", "hi", "--agent", "scripted", "--session", ""], 2, ["--session is empty"]],
  [["run", "hi", "--agent", "scripted", "--session", "0c8f"], 2, ["0c8f", first, second, "--new"]],
  [["run", "hi", ...toNew, "--label", "team"], 2, ["--label", "team=core"]],
  [["run", "hi", ...toNew, "--label", "=core"], 2, ["--label", "=core"]],
  [["run", "hi", ...toNew, "--project", long], 2, ["project", "2048"]],
  [["run", "hi", ...toNew, "--key", long], 2, ["key", "256"]],
  [["run", "hi", ...toNew, "--prices", "~/absent.json"], 2, ["absent.json", "ENOENT"]],
  [["run", "hi", ...toNew, "--prices", "~/taken.txt"], 2, ["price table", "JSON array"]],
  [["runs", "list", "--state", "odd"], 2, ["odd", "running, held, committed"]],
  [["runs", "list", "--limit", "0"], 2, ["--limit", "1,000"]],
  [["runs", "list", "--cursor", "!"], 2, ["cursor", "start again without one"]],
  [["runs", "list", "--project", "p"], 2, ["--project", "Name a session"]],
  [["runs", "list", "--session", "ffff"], 1, ["ffff", "holdfast list"]],
  [["runs", "list", "--session", "0c8f"], 2, [first, second, "more of the id"]],
  [["runs", "show", "ffff"], 1, ["ffff"]],
  [["runs", "show", long], 1, ["xxx…"]],
  [["runs", "show"], 2, ["'run'", "holdfast runs show --help"]],
  [["runs", "resolve", "1.1"], 2, ["--reason", "holdfast runs resolve --help"]],
  [["runs", "resolve", "1.1", "--reason", "x"], 2, ["one way", "--discard"]],
  [["runs", "resolve", "1.1", "--reason", "x", "--commit", "--discard"], 2, ["one way", "--discard"]],
  [["runs", "resolve", "1.1", "--reason", "", "--commit"], 2, ["--reason is empty"]],
  [["runs", "resolve", "1.1", "--reason", "x", "--commit"], 1, ["1.1"]],
  [["inputs", "list", "--state", "held"], 2, ["held", "queued, running"]],
  [["inputs", "cancel", "77"], 1, ["77", "holdfast inputs list"]],
  [["inputs", "cancel", long], 1, ["xxx…", "holdfast inputs list"]],
  [["reconcile", "--limit", "0"], 2, ["--limit", "such as --limit 20"]],
  ...["clear", "drop"].flatMap((verb): Row[] => [
    [["sessions", verb], 2, ["'session'", `holdfast sessions ${verb} --help`]],
    [["sessions", verb, ""], 2, ["id is empty", "first characters"]],
    [["sessions", verb, "ffff"], 1, ["ffff", "holdfast list"]],
    [["sessions", verb, "ffff", "--project", "p"], 1, ["ffff"]],
    [["sessions", verb, "0c8f"], 2, [first, second, "more of the id"]],
  ]),
  [["usage", "--by", "week"], 2, ["--by", "week", "label:NAME"]],
  [["usage", "--by", "label:"], 2, ["--by", "label:NAME"]],
  [["usage", "--since", "soon"], 2, ["--since", "soon"]],
  [["usage", "--until", "soon"], 2, ["--until", "soon"]],
  [["usage", "--session", "ffff"], 1, ["ffff", "holdfast list"]],
  [["usage", "--prices", "~/absent.json"], 2, ["absent.json", "ENOENT"]],
  [["usage", "--prices", "~/folder"], 2, ["folder", "EISDIR"]],
  [["usage", "--prices", "~/taken.txt"], 2, ["price table", "JSON array"]],
  [["sweep", "--projections", "a,,b"], 2, ["--projections", "commas"]],
  ...["rebuild", "pause", "resume"].flatMap((verb): Row[] => [
    [["projections", verb], 2, ["'name'", `holdfast projections ${verb} --help`]],
    [["projections", verb, "nope"], 2, ["nope", "session-statistics"]],
    [["projections", verb, "\u001b[31mred"], 2, ["␛[31mred"]],
  ]),
  ...sessionVerbs().map((verb): Row => [[verb], 2, ["'session'", `holdfast ${verb} --help`]]),
  ...sessionVerbs().map((verb): Row => [[verb, ""], 2, ["id is empty", "first characters"]]),
  ...sessionVerbs().map((verb): Row => [[verb, "ffff"], 1, ["ffff", "holdfast list"]]),
  ...sessionVerbs().map((verb): Row => [[verb, "0c8f"], 2, [first, second, "more of the id"]]),
  ...sessionVerbs()
    .filter((verb) => verb !== "rescue")
    .map((verb): Row => [[verb, first, "--project", "nope"], 1, ["nope", "holdfast list"]]),
  ...sessionVerbs().map((verb): Row => [[verb, first, "--project", ""], 2, ["--project is empty"]]),
  ...["show", "tail", "export", "rm"].map((verb): Row => [
    [verb, first, "--log", "nope"],
    1,
    ["nope", "the main log, subagents/agent-abc123"],
  ]),
  ...["0", "-1", "x", "1.5", "1e3", "1001", ""].map((value): Row => [
    ["list", "--limit", value],
    2,
    value === "" ? ["--limit"] : ["--limit", "1,000", value],
  ]),
  ...["0", "-1", "x", "99999999999999999999"].map((value): Row => [
    ["show", first, "--tail", value],
    2,
    ["--tail", value, "such as --tail 20"],
  ]),
  ...["-1", "-3", "x"].map((value): Row => [
    ["tail", first, "-n", value],
    2,
    ["-n is no", value, "as -n 20"],
  ]),
  ...["-3", "x"].map((value): Row => [["tail", first, "--lines", value], 2, ["--lines is no", value]]),
  [["tail", first, "--lines=-3"], 2, ["--lines is no", "-3"]],
  [["tail", "-n-3", first], 2, ["-n is no", "-3", "as -n 20"]],
  [["--json", "list"], 2, ["'--json'", "type holdfast list --json instead."]],
  [["--limit", "5", "list", "--json"], 2, ["'--limit'", "holdfast list --json --limit 5 instead."]],
  [
    ["--store", "x y", "--raw", "show", first],
    2,
    ["'--raw'", `holdfast show ${first} --store 'x y' --raw instead.`],
  ],
  [["-f", "tail", first], 2, ["'-f'", `holdfast tail ${first} -f instead.`]],
  [["--json", "completion", "bash"], 2, ["'--json'", "holdfast --help"]],
  [["--json"], 2, ["'--json'", "holdfast --help"]],
  [["--title", long, "list"], 2, ["'--title'", "holdfast list --title 'xxx"]],
  [["--title", ...Array(9).fill(long), "list"], 2, ["'--title'", "holdfast list … --title instead."]],
  ...["soon", "7", "7y", "2026-02-31", "2026-13-01", "2026-11-20T99:00", "2026-11-20 (x)"].map(
    (value): Row => [["list", "--since", value], 2, ["--since", value, "such as 30m"]],
  ),
  [["list", "--since"], 2, ["--since", "argument missing"]],
  [["list", "--cursor", "!"], 2, ["cursor", "start again without one"]],
  [["list", "--title", ""], 2, ["--title is empty"]],
  [["list", "--jsn"], 2, ["--jsn", "Did you mean --json?"]],
  [["list", "--json=yes"], 2, ["--json=yes"]],
  [["show", first, "--raw", "--json"], 2, ["--raw", "--json", "Choose one"]],
  [["tail", first, "--raw", "--json"], 2, ["--raw", "--json", "Choose one"]],
  [["verify"], 2, ["one session", "--all"]],
  [["verify", first, "--all"], 2, ["one session", "--all"]],
  [["verify", "--all", "--project", "nope"], 1, ["nope", "holdfast list"]],
  [["export", first, "--format", "pdf"], 2, ["pdf", "jsonl", "markdown"]],
  [["export", first, "--format", "markdown", "--raw"], 2, ["--raw"]],
  [["export", first, "--force"], 2, ["--force", "--output", "--folder"]],
  [["export", first, "-o", "~/taken.txt"], 2, ["taken.txt", "--force"]],
  [["export", first, "-o", "~/folder"], 2, ["folder", "--force"]],
  [["export", first, "-o", "~/folder", "--force"], 2, ["folder is a folder", "Name a file"]],
  [["export", first, "-o", "~/socket", "--force"], 2, ["socket is no regular file", "Name a file"]],
  [["export", first, "-o", "~/no/out"], 2, ["no/out", "Name another"]],
  [["export", first, "-o", ""], 2, ["--output is empty"]],
  [["export", first, "--folder", ""], 2, ["--folder is empty"]],
  [["export", first, "--folder", "~/taken.txt"], 2, ["taken.txt is no folder", "Name a folder"]],
  [["export", first, "--folder", "~/taken.txt/below"], 2, ["below", "Name another"]],
  [["export", first, "--folder", "~/folder", "--log", "subagents/agent-abc123"], 2, ["--folder", "--log"]],
  [["export", first, "--folder", "~/folder", "-o", "x"], 2, ["--folder", "--output"]],
  [["export", first, "--folder", "~/folder", "--format", "markdown"], 2, ["--folder", "--format"]],
  [["import", "--session", "ffff"], 1, ["ffff", "first characters", "--config-dir"]],
  [["import", "--session", "0c8f"], 2, [first, second, "more of the id"]],
  [["import", "--session", ""], 2, ["--session is empty"]],
  [["rescue", "ffff", "--project", "nope"], 1, ["ffff", "first characters", "--config-dir"]],
  [["rescue", "0c8f", "--project", "nope"], 2, [first, second, "more of the id"]],
  [["rm", first, "--log", "@import"], 2, ["@import", "Holdfast's own"]],
  [["completion"], 2, ["'shell'"]],
  [["completion", "tcsh"], 2, ["tcsh", "bash, zsh or fish"]],
  ...["import", "rescue", "doctor", "start"].flatMap((verb): Row[] => [
    [[verb, ...(verb === "rescue" ? [first] : []), "--config-dir", "~/absent"], 2, ["absent", "projects/"]],
    [[verb, ...(verb === "rescue" ? [first] : []), "--config-dir", "~/taken.txt"], 2, ["taken.txt"]],
  ]),
  [["show", "\u001b[31mred\u0007"], 1, ["␛[31mred", "holdfast list"]],
  [["list", "--\u001b[31mred"], 2, ["␛[31mred"]],
  [["show", long], 1, ["xxx…", "holdfast list"]],
  [["list", `--${long}`], 2, ["xxx…"]],
  [["list", "--limit", long], 2, ["xxx…"]],
  [["--store=postgres://me:pw@h/d", "--raw", "show", "x"], 2, ["postgres://me@h/d"]],
  ...storeCommands().flatMap((args): Row[] => [
    [[...args, "--store", "~/folder"], 1, ["folder", "is a folder", "holdfast.db"]],
    [[...args, "--store", "~/taken.txt"], 1, ["taken.txt", "not an SQLite database", "another path"]],
    [[...args, "--store", "~/newer.db"], 1, ["newer.db", "99", "Update Holdfast"]],
    [[...args, "--store", "~/taken.txt/below.db"], 1, ["below.db"]],
    [[...args, "--store", "~/socket"], 1, ["no regular file", "socket", "--store"]],
    [[...args, "--store", `~/${long}`], 1, ["ENAMETOOLONG", "--store"]],
    [[...args, "--store", ""], 2, ["--store is empty"]],
    [[...args, "--store", "memory:"], 2, ["memory", "--store"]],
    [[...args, "--store", "redis://me:pw@host/0"], 2, ["redis:", "sqlite:PATH"]],
    [[...args, "--store", "postgres://me:pw@host:port/db"], 2, ["PostgreSQL URL", "postgres://"]],
    [[...args, "--store", "postgres://me:pw@127.0.0.1:1/db"], 1, ["127.0.0.1:1/db", "cannot be reached"]],
    [[...args, "--store", "env:NO_SUCH_VARIABLE"], 2, ["NO_SUCH_VARIABLE", "is not set"]],
  ]),
  ...storeCommands()
    .filter(([verb]) => !["import", "start", "run", "worker"].includes(verb!))
    .flatMap((args): Row[] => [
      [[...args, "--store", "~/absent.db"], 1, ["absent.db", "holdfast import"]],
      [[...args, "--store", "~/empty.db"], 1, ["empty.db", "holdfast import"]],
      [[...args, "--store", "~/one-byte.db"], 1, ["one-byte.db", "holdfast import"]],
    ]),
];

type Row = (typeof table)[number];

describe("bad input", () => {
  const titled = table.map((row) => ({ title: row[0].map(titleOf).join(" "), row }));

  it.each(titled)("is told of and changes nothing: holdfast $title", async ({ row: [args, code, named] }) => {
    const before = snapshot(home.folder);
    const at = args.map((arg) => arg.replace(/^~\//, `${home.folder}/`));
    const ran = await home.runInside(at);
    expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code, stdout: "" });
    for (const part of named) expect(ran.stderr).toContain(part);
    expect(ran.stderr).not.toContain("me:pw");
    if (!at.some((arg) => arg.length > 4000)) expect(ran.stderr.length).toBeLessThan(600);
    expect(ran.stderr).toMatch(/^holdfast: [^\n]+[.?]\n$/);
    expect(snapshot(home.folder)).toEqual(before);
  });

  it.each([
    [["import", "--session", "ffff"], 1],
    [["import", "--session", "0c8f"], 2],
    [["rescue", "ffff", "--project", "p"], 1],
    [["rescue", "", "--project", "p"], 1],
    [["list"], 1],
  ])("makes no store where there is none: holdfast %j", async (args, code) => {
    using empty = new Home();
    empty.transcript(project, first, turn);
    empty.transcript(project, second, turn);
    const before = snapshot(empty.folder);
    expect(await empty.runInside(args)).toMatchObject({ code, stdout: "" });
    expect(snapshot(empty.folder)).toEqual(before);
    expect(existsSync(empty.database)).toBe(false);
  });

  it.each(["soon", "-1", "1.5", "99999999"])("may be a time to wait for the lock: %s", async (given) => {
    const before = snapshot(home.folder);
    const { code, stdout, stderr } = await home.runInside(["list"], {
      env: { HOLDFAST_LOCK_WAIT_MS: given },
    });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const part of ["HOLDFAST_LOCK_WAIT_MS", given, "such as 500"]) expect(stderr).toContain(part);
    expect(snapshot(home.folder)).toEqual(before);
    expect((await home.runInside(["list"], { env: { HOLDFAST_LOCK_WAIT_MS: "" } })).code).toBe(0);
  });

  it("may name a session that begins with a dash after --, and a prefix that is one dash", async () => {
    expect((await home.runInside(["show", "--", "--json"])).stderr).toContain("begins with --json");
    expect((await home.runInside(["show", "-"])).stderr).toContain("begins with -.");
  });

  it("has no subject that fits: an error says so even where HOLDFAST_DEBUG asks for the stack", async () => {
    const { stderr } = await home.runInside(["show", "ffff"], { env: { HOLDFAST_DEBUG: "1" } });
    expect(stderr).toMatch(/No session begins with ffff[^]*\n {4}at /);
  });
});

describe("the config file", () => {
  it.each([
    ["{", "no JSON object"],
    ["[]", "no JSON object"],
    ['"text"', "no JSON object"],
    ['{"store": 5}', '"store"'],
    ['{"store": ""}', '"store"'],
    ['{"store": "/x.db", "stroe": "/y.db"}', '"stroe"'],
    ['{"store": "memory:"}', "memory"],
    ['{"store": "redis://host"}', "redis:"],
  ])("is refused as %s, by its name and the key", async (text, named) => {
    const path = home.write(".config/holdfast/config.json", text);
    const { code, stdout, stderr } = await home.runInside(["list"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(named);
    if (!/memory|redis/.test(named)) expect(stderr).toContain(path);
    writeFileSync(path, "{}");
    expect((await home.runInside(["list"])).code).toBe(0);
  });

  it("that is a folder is refused by its name", async () => {
    mkdirSync(join(home.folder, "config/holdfast/config.json"), { recursive: true });
    const env = { XDG_CONFIG_HOME: join(home.folder, "config") };
    const { code, stderr } = await home.runInside(["list"], { env });
    expect(code).toBe(2);
    expect(stderr).toContain("holdfast/config.json cannot be read (EISDIR)");
  });

  it("names a store from its own folder, from the home, or in full; the environment goes before it", async () => {
    for (const name of ["../../.local/share/holdfast/holdfast.db", "~/.local/share/holdfast/holdfast.db"]) {
      home.write(".config/holdfast/config.json", JSON.stringify({ store: name }));
      expect((await home.runInside(["show", first])).code).toBe(0);
    }
    home.write(".config/holdfast/config.json", JSON.stringify({ store: `sqlite:${home.database}` }));
    expect((await home.runInside(["show", first])).code).toBe(0);
    const { stderr } = await home.runInside(["list"], { env: { HOLDFAST_STORE: "/absent.db" } });
    expect(stderr).toContain("/absent.db");
    expect((await home.runInside(["list"], { env: { HOLDFAST_STORE: "" } })).code).toBe(0);
  });
});

function titleOf(arg: string): string {
  return arg === "" ? '""' : arg.length > 60 ? `${arg.slice(0, 9)}…` : JSON.stringify(arg).slice(1, -1);
}

function verbs(): string[] {
  return [
    ...sessionVerbs(),
    ...["list", "import", "verify", "doctor", "completion", "start", "help"],
    ...["reconcile", "redispatch", "worker", "usage", "sweep"],
  ];
}

/** Commands below another one that take at most one operand. */
function partVerbs(): [string, string][] {
  return [
    ["runs", "list"],
    ["runs", "show"],
    ["inputs", "list"],
    ["inputs", "cancel"],
    ["sessions", "list"],
    ["sessions", "clear"],
    ["sessions", "drop"],
    ["projections", "list"],
    ["projections", "rebuild"],
    ["projections", "pause"],
    ["projections", "resume"],
  ];
}

function sessionVerbs(): string[] {
  return ["show", "tail", "export", "rescue", "rm"];
}

function storeCommands(): string[][] {
  return [
    ["list"],
    ...sessionVerbs().map((verb) => [verb, "0c8f2"]),
    ["verify", "--all"],
    ["doctor"],
    ["import"],
    ["start"],
    ["run", "hi", ...toNew],
    ["runs", "list"],
    ["runs", "show", "1.1"],
    ["runs", "resolve", "1.1", "--commit", "--reason", "x"],
    ["inputs", "list"],
    ["inputs", "cancel", "1"],
    ...[["reconcile"], ["redispatch"], ["worker"]],
    ["sessions", "list"],
    ["sessions", "clear", "0c8f2"],
    ["sessions", "drop", "0c8f2"],
    ["usage"],
    ["list", "--stats"],
    ["projections", "list"],
    ["projections", "rebuild", "usage"],
    ["projections", "pause", "usage"],
    ["projections", "resume", "usage"],
    ["sweep"],
  ];
}

function makeNewer(path: string): void {
  const database = new DatabaseSync(path);
  const from = new DatabaseSync(home.database);
  for (const { sql } of from.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").all())
    if (!String(sql).includes("sqlite_sequence")) database.exec(String(sql));
  const { application_id: id } = from.prepare("PRAGMA application_id").get() as { application_id: number };
  const { user_version: version } = from.prepare("PRAGMA user_version").get() as { user_version: number };
  from.close();
  database.exec(`PRAGMA application_id = ${id}; PRAGMA user_version = ${version === 0 ? 0 : 99}`);
  database.exec("INSERT INTO migration VALUES (99, 'later', 'x', 0)");
  database.close();
}
