import { Command } from "commander";
import { listCommand, sessionCommand } from "./command-group.ts";
import { tame } from "./command-line.ts";
import { declareAdministration } from "./declare-administration.ts";
import { declareGit } from "./declare-git.ts";
import { declareWork } from "./declare-work.ts";
import type { ExitCode } from "./exit-code.ts";
import { packageVersion } from "./package-version.ts";
import { type Runner, runner } from "./runner.ts";

/** Declares every command; `ended` is told the exit code of the one that ran. */
export function createProgram(ended: (code: ExitCode) => void): Command {
  const program = new Command("holdfast")
    .description("Durable sessions for coding agents")
    .option("--store <store>", "a path, sqlite:PATH, postgres://…, or env:NAME of a variable that holds one")
    .version(packageVersion(), "-V, --version")
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failure, 2 usage, 3 problems found, 4 busy, 130 stopped by Ctrl-C\nHOLDFAST_LOCK_WAIT_MS: how long a busy store is waited for, in milliseconds (default: 10000)\nDATABASE_URL: used where nothing names a store and its PostgreSQL database holds one",
    );
  tame(program);
  const runs = runner(ended);
  declareReading(program, runs);
  declareWriting(program, runs);
  declareWork(program, runs);
  declareAdministration(program, runs);
  declareCopies(program, runs);
  declareGit(program, runs);
  declareUpkeep(program, runs);
  return program;
}

function declareReading(program: Command, runs: Runner): void {
  listCommand(program, runs);
  sessionCommand(program, "show", "print a session as a readable transcript")
    .option("--log <name>", "another log of the session, such as subagents/agent-…")
    .option("--tail <n>", "only the last n entries that show something; with --raw or --json the last n")
    .option("--raw", "print the entries as stored, one JSON line each, not redacted")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/show.ts")).show));
  sessionCommand(program, "tail", "print the end of a session")
    .option("-f, --follow", "go on with what is written from now on, until Ctrl-C")
    .option("-n, --lines <n>", "entries to start with that show something; with --raw or --json any", "10")
    .option("--log <name>", "another log of the session")
    .option("--raw", "print the entries as stored, not redacted")
    .option("--json", "print one JSON document a line")
    .action(runs(async () => (await import("./commands/tail.ts")).tail));
  sessionCommand(program, "export", "write a session out, redacted unless --raw is given")
    .option("--format <format>", "jsonl or markdown", "jsonl")
    .option("--log <name>", "another log of the session")
    .option("--raw", "exactly the bytes that were stored, which an agent can resume from")
    .option("-o, --output <file>", "a new file, readable by you alone, in place of stdout")
    .option("--folder <folder>", "every log to a file of its own there, as Claude Code lays them out")
    .option("--force", "replace a file that is there")
    .action(runs(async () => (await import("./commands/export.ts")).exportSession));
}

function declareWriting(program: Command, runs: Runner): void {
  program
    .command("import")
    .description("bring Claude Code's transcripts in; again adds only what is new")
    .option("--config-dir <folder>", "Claude's config folder (default: $CLAUDE_CONFIG_DIR or ~/.claude)")
    .option("--project <name>", "store them under this project")
    .option("--session <id>", "only this session, by the first characters of its id")
    .option("--restore-dropped", "bring back sessions and logs that were removed")
    .option("--recheck", "read files again that have not changed")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/import.ts")).importTranscripts));
  sessionCommand(program, "rescue", "bring in what a crash left on disk for a session")
    .option("--config-dir <folder>", "Claude's config folder")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/rescue.ts")).rescue));
  sessionCommand(program, "rm", "remove a session; a tombstone keeps it from coming back")
    .option("--log <name>", "remove only this log")
    .option("--reason <text>", "why, kept with the tombstone")
    .option("--dry-run", "say what would go, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/rm.ts")).rm));
}

function declareCopies(program: Command, runs: Runner): void {
  program
    .command("copy")
    .description(
      "copy sessions to another store with all they have, and prove it; again adds only what is new",
    )
    .requiredOption("--from <store>", "the store to read, as a path or URL")
    .requiredOption("--to <store>", "the store to write, as a path or URL; made where there is none")
    .option("--project <name>", "only this project")
    .option("--since <time>", "only sessions written since: 30m, 12h, 7d, 2w or a date")
    .option("--resume", "go on after an interruption without comparing again what is there")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/copy.ts")).copy));
  program
    .command("parity")
    .description("compare two stores, log by log; ends with 3 where they differ")
    .requiredOption("--from <store>", "the store that is to be found in the other")
    .requiredOption("--to <store>", "the other store")
    .option("--project <name>", "only this project")
    .option("--json", "print JSON, with the digests of every log")
    .action(runs(async () => (await import("./commands/parity.ts")).parity));
}

function declareUpkeep(program: Command, runs: Runner): void {
  program
    .command("verify")
    .description("find what a resume would silently lose")
    .argument("[session]", "the first characters of its id")
    .option("--project <name>", "the session's project")
    .option("--all", "every session")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/verify.ts")).verify));
  program
    .command("doctor")
    .description("check the store and the machine")
    .option("--config-dir <folder>", "Claude's config folder")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/doctor.ts")).doctor));
  program
    .command("completion")
    .description("print a completion script for your shell")
    .argument("<shell>", "bash, zsh or fish")
    .action(runs(async () => (await import("./commands/completion.ts")).completion));
  program
    .command("complete-session", { hidden: true })
    .description("print the ids that begin with a prefix, for completion scripts")
    .argument("[prefix]")
    .action(runs(async () => (await import("./commands/complete-session.ts")).completeSession));
  program
    .command("help")
    .description("explain a command")
    .argument("[command]")
    .argument("[part]", "of a command that has several")
    .action(runs(async () => (await import("./commands/help.ts")).help));
  program
    .command("start")
    .description("bring in this machine's sessions, or an example, and list them")
    .option("--config-dir <folder>", "Claude's config folder")
    .action(runs(async () => (await import("./commands/start.ts")).start));
}
