import type { Command } from "commander";
import type { Runner } from "./runner.ts";

/** A command that only has others below it. */
export function commandGroup(program: Command, name: string, description: string): Command {
  return program.command(name).description(description).helpCommand(false);
}

/** A command about one session. */
export function sessionCommand(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .argument("<session>", "the first characters of its id")
    .option("--project <name>", "the session's project");
}

/** The list of sessions, which has two places. */
export function listCommand(parent: Command, runs: Runner): void {
  parent
    .command("list")
    .description("list sessions, newest first")
    .option("--project <name>", "only this project")
    .option("--provider <name>", "only this agent, such as claude-code")
    .option("--title <text>", "only titles that hold this text")
    .option("--since <time>", "only those written to since: 30m, 12h, 7d, 2w or a date")
    .option("--stats", "with turns, tool calls, files and tokens")
    .option("--limit <n>", "rows in a page", "50")
    .option("--cursor <cursor>", "where the last page ended")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/list.ts")).list));
}
