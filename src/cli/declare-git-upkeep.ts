import type { Command } from "commander";
import type { Runner } from "./runner.ts";

/** Declares what looks after stored checkpoints. */
export function declareGitUpkeep(group: Command, runs: Runner): void {
  group
    .command("verify")
    .description(
      "look at all checkpoints, or at one, and change nothing; ends with 3 where something is wrong",
    )
    .argument("[id]", "one checkpoint")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-verify.ts")).verifyGit));
  group
    .command("repair")
    .description(
      "mend what needs no invention, in all checkpoints or in one, and delete nothing; ends with 3 where something is left",
    )
    .argument("[id]", "one checkpoint")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-repair.ts")).repairGit));
  group
    .command("migrate")
    .description("carry all checkpoints over to another layout; again adds only what is new")
    .requiredOption("--from <layout>", "git-refs, git-branch or v2")
    .requiredOption("--to <layout>", "git-refs, git-branch or v2")
    .option("--force", "also ULIDs, which readers of git-branch and v2 do not look for")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-migrate.ts")).migrateGit));
  group
    .command("import")
    .description(
      "bring the sessions of all checkpoints into the store; ends with 3 where some cannot be read",
    )
    .option(
      "--project <project>",
      "the project of sessions that the store does not have yet; default the folder's",
    )
    .option("--dry-run", "say what would be read, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/git-import.ts")).importGit));
}
