import type { Command } from "commander";
import { commandGroup } from "./command-group.ts";
import { declareGitUpkeep } from "./declare-git-upkeep.ts";
import { declareGitReading } from "./declare-git-reading.ts";
import type { Runner } from "./runner.ts";

/** Declares what links commits to the sessions that made them. */
export function declareGit(program: Command, runs: Runner): void {
  const group = commandGroup(program, "git", "link commits to the sessions that made them");
  declareSetUp(group, runs);
  declareGitReading(group, runs);
  declareSharing(group, runs);
  declareGitUpkeep(group, runs);
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

function declareSharing(group: Command, runs: Runner): void {
  const remote = ["--remote <name>", "another remote than holdfast.remote, origin or the only one"] as const;
  const timeout = ["--timeout <seconds>", "how long it may take", "600"] as const;
  group
    .command("push")
    .description(
      "push the checkpoints that wait, and join what another machine wrote; ends with 3 where some wait still",
    )
    .option(...remote)
    .option("--all", "also what nobody noted as waiting")
    .option(...timeout)
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-push.ts")).pushCheckpoints));
  group
    .command("fetch")
    .description("tell which checkpoints a remote has, or fetch them; ends with 3 where one is not to be had")
    .argument("[ids...]", "the checkpoints that are wanted")
    .option(...remote)
    .option("--all", "all of them, in every layout")
    .option(...timeout)
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-fetch.ts")).fetchSessions));
  group
    .command("expire")
    .description("let archives of the layout v2 go whose transcripts are all older, here and on the remote")
    .requiredOption("--before <time>", "an age such as 14d, or a date")
    .option(...remote)
    .option("--local", "only here")
    .option("--dry-run", "say what would go, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-expire.ts")).expireArchives));
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
    .option("--once", "leave what fails to the next one")
    .option("--retry", "try again now what failed, also what was set aside")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-work.ts")).workGit));
}
