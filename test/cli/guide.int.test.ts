import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { runTestGit } from "../git/repositories.ts";
import { testSchemas } from "../postgres/schemas.ts";
import { openSqliteSpool } from "../../src/stores/sqlite/spool/index.ts";
import { leaveCheckpoint } from "./checkpoint-example.ts";
import { Home } from "./home.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/guide/cli.md"), "utf8");
const examples = [...page.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, block]) =>
  block!
    .split(/^\$ /m)
    .slice(1)
    .map((text) => ({
      command: text.slice(0, text.indexOf("\n")),
      says: text.slice(text.indexOf("\n") + 1),
    })),
);
const schemas = testSchemas();

for (const store of ["SQLite", "PostgreSQL"]) {
  describe(`the guide to the command line, on ${store}`, () => {
    const before = process.cwd();
    const path = ".local/share/holdfast/holdfast.db";
    const file = `sqlite:/home/dev/${path}`;
    let home: Home;
    let env: NodeJS.ProcessEnv = {};

    beforeAll(async () => {
      home = new Home();
      if (store === "PostgreSQL") env = { HOLDFAST_STORE: "env:DATABASE_URL", DATABASE_URL: schemas.next() };
      cpSync(join(root, "examples/claude-session"), home.claude, { recursive: true });
      await leaveSpool(join(home.folder, "spool"));
      await runTestGit(home.folder, ["init", "-q", "-b", "main", "."]);
      await leaveCheckpoint(home.folder);
      process.chdir(home.folder);
    });

    afterAll(() => {
      process.chdir(before);
      home[Symbol.dispose]();
    });

    it.each(examples)("shows what really comes: $command", async ({ command, says }) => {
      const named = store === "PostgreSQL" ? command.replace(path, "env:DATABASE_URL") : command;
      const { code, printed: all } = await home.runInside(wordsOf(named), { env });
      const ending = code === 0 ? "" : `[exit code ${code}]\n`;
      const printed = all.replaceAll(home.folder, "/home/dev").replace(/postgres:\/\/\S+/, file) + ending;
      // A server's disk is not this machine's, and each driver counts its own schemas.
      const onServer = says.replace(/^ok +disk: .*\n/m, "").replace(/The schema is .*/, "…");
      const said = store === "PostgreSQL" ? onServer : says;
      expect(matches(said, printed), printed).toBe(true);
    });
  });
}

describe("the guide to the command line", () => {
  it("has an example of every command", () => {
    const shown = examples.map(({ command }) => `${command} `);
    const verbs = pathsBelow(createProgram(() => {}));
    expect(verbs).toContain("holdfast runs resolve");
    expect(verbs.filter((path) => !shown.some((command) => command.startsWith(`${path} `)))).toEqual([]);
  });
});

/** A spool as a program leaves it that was killed: with a batch that waits, and one that the store refused. */
async function leaveSpool(dir: string): Promise<void> {
  const spool = openSqliteSpool({ dir });
  const log = { project: "p", session: "far", log: "" };
  const put = (n: number) => spool.put({ log, entries: [{ body: `{"n":${n}}` }], folds: false });
  const { id } = await put(1);
  await spool.setAside([id], { code: "lease_lost", reason: "The lease 3 of session far has ended." });
  await put(2);
  await spool.close();
}

/** Every command that runs by itself, with the names above it. */
function pathsBelow(group: Command, path = "holdfast"): string[] {
  return group
    .createHelp()
    .visibleCommands(group)
    .flatMap((verb) => {
      const name = `${path} ${verb.name()}`;
      return verb.commands.length > 0 ? pathsBelow(verb, name) : [name];
    });
}

function wordsOf(command: string): string[] {
  const words = command.match(/"[^"]*"|\S+/g) ?? [];
  expect(words[0]).toBe("holdfast");
  return words.slice(1).map((word) => word.replaceAll('"', ""));
}

/** A line of one `…` stands for any lines, and a `…` in a line for any text. */
function matches(says: string, printed: string): boolean {
  const lines = says.replace(/\n+$/, "\n").split(/(?<=\n)/);
  const pattern = lines.map((line) => (line === "…\n" ? "[^]*" : line.split("…").map(escaped).join(".*")));
  return new RegExp(`^${pattern.join("")}$`).test(printed.replace(/^\n+/, ""));
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
}
