import type { Command } from "commander";
import type { Runner } from "./runner.ts";

/** Declares what reads checkpoints: of commits, of lines, of sessions, of files. */
export function declareGitReading(group: Command, runs: Runner): void {
  declareLists(group, runs);
  declareQuestions(group, runs);
  declareReturns(group, runs);
}

function declareLists(group: Command, runs: Runner): void {
  group
    .command("log")
    .description("list commits with the sessions that made them, newest first")
    .argument("[range...]", "commits, branches or ranges such as main..HEAD (default: HEAD)")
    .option("-n, --number <n>", "at most so many commits", "20")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-log.ts")).logGit));
  group
    .command("list")
    .description("list all checkpoints, newest first")
    .option("--limit <n>", "at most so many", "50")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-list.ts")).listGit));
  group
    .command("link")
    .description("find commits that lost their trailers, as by a squash on a forge")
    .argument("[range...]", "where to look for them (default: HEAD)")
    .option("-n, --number <n>", "look at so many commits", "1000")
    .option("--write", "keep what was found for log, explain and why; commits stay as they are")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-link.ts")).linkGit));
}

function declareQuestions(group: Command, runs: Runner): void {
  group
    .command("explain")
    .description("tell how a commit came about: prompts, files, tools, cost, and its part of the transcript")
    .argument("<name>", "a commit, a checkpoint, or the first characters of one")
    .option("--full", "all of the transcript's part")
    .option("--no-transcript", "without the transcript")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-explain.ts")).explainGit));
  group
    .command("why")
    .description("tell which turn of which session wrote a line; ends with 3 where nobody can tell")
    .argument("<line>", "a file and a line, such as src/main.ts:12")
    .option("--rev <commit>", "the file as this commit has it, not as it lies here")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-why.ts")).whyGit));
}

function declareReturns(group: Command, runs: Runner): void {
  group
    .command("resume")
    .description("put a session back as its agent's own file, and print the command that goes on with it")
    .argument("<name>", "a branch, a commit or a checkpoint")
    .option("--session <id>", "which session, where there are several, by the first characters of its id")
    .option("--force", "replace a file that went another way; a copy is kept")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-resume.ts")).resumeGit));
  group
    .command("rewind")
    .description("bring the files back to where a checkpoint had them; never loses work, and can be undone")
    .argument("[checkpoint]", "a checkpoint or its commit")
    .option("--undo", "take the last rewind back")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-rewind.ts")).rewindGit));
}
