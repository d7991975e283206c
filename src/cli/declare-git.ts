import type { Command } from "commander";
import { commandGroup } from "./command-group.ts";
import { declareGitReading } from "./declare-git-reading.ts";
import type { Runner } from "./runner.ts";

/** Declares what links commits to the sessions that made them. */
export function declareGit(program: Command, runs: Runner): void {
  const group = commandGroup(program, "git", "link commits to the sessions that made them");
  declareSetUp(group, runs);
  declareGitReading(group, runs);
  declareHooks(group, runs);
}

function declareSetUp(group: Command, runs: Runner): void {
  group
    .command("enable")
    .description("set up the hooks of git and of Claude Code in this repository; again changes nothing")
    .option("--layout <layout>", "how checkpoints are kept: git-refs, git-branch or v2")
    .option("--mirror <layouts>", "further layouts that are kept as well, with commas; none for none")
    .option("--shared", "in .claude/settings.json, which is committed, not in settings.local.json")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-enable.ts")).enableGit));
  group
    .command("disable")
    .description("take the hooks away again; checkpoints stay")
    .option("--force", "also forget work that is not done")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-disable.ts")).disableGit));
  group
    .command("status")
    .description("tell what is set up, what waits, and what went wrong; ends with 3 where something is wrong")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-status.ts")).showGit));
}

function declareHooks(group: Command, runs: Runner): void {
  group
    .command("hook", { hidden: true })
    .description("what the hooks of git and of agents call")
    .argument("<agent>")
    .argument("<verb>")
    .argument("[more...]")
    .action(runs(async () => (await import("./commands/git-hook.ts")).hookGit));
  group
    .command("work", { hidden: true })
    .description("do what the hooks noted; one process at a time")
    .action(runs(async () => (await import("./commands/git-work.ts")).workGit));
}
