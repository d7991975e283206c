import type { Command } from "commander";
import { commandGroup, listCommand, sessionCommand } from "./command-group.ts";
import type { Runner } from "./runner.ts";

/** Declares what is for whoever looks after a store. */
export function declareAdministration(program: Command, runs: Runner): void {
  declareSessions(program, runs);
  declareProjections(program, runs);
  declareMirror(program, runs);
  declareSpool(program, runs);
  program
    .command("usage")
    .description("sum up tokens and dollars")
    .option("--by <group>", "day, model, project, session or label:NAME", "day")
    .option("--project <name>", "only this project")
    .option("--session <id>", "only this session, by the first characters of its id")
    .option("--since <time>", "only since: 30m, 12h, 7d, 2w or a date")
    .option("--until <time>", "only before: an age or a date")
    .option("--prices <file>", "your own price table, for what is counted from now on")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/usage.ts")).usage));
  program
    .command("sweep")
    .description("remove what belongs to nothing any more")
    .option("--projections <names>", "all that other programs run on this store; the rest goes")
    .option("--dry-run", "say what would go, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/sweep.ts")).sweep));
}

function declareSessions(program: Command, runs: Runner): void {
  const group = commandGroup(program, "sessions", "list sessions, end what hangs in one, drop one");
  listCommand(group, runs);
  sessionCommand(group, "clear", "end a session's lease and forget its resume token; its history stays")
    .option("--reason <text>", "why, kept on record")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/sessions-clear.ts")).clearSession));
  sessionCommand(group, "drop", "remove a session with its runs, inputs, usage and blobs")
    .option("--reason <text>", "why, kept with the tombstone")
    .option("--dry-run", "say what would go, and change nothing")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/sessions-drop.ts")).dropSession));
}

function declareProjections(program: Command, runs: Runner): void {
  const group = commandGroup(program, "projections", "see and steer what is derived from the sessions");
  group
    .command("list")
    .description("list projections, how far behind they are, and what stops them")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/projections-list.ts")).listProjections));
  projectionCommand(group, "rebuild", "forget what a projection holds and build it anew")
    .option("--prices <file>", "your own price table")
    .action(runs(async () => (await import("./commands/projections-rebuild.ts")).rebuildProjection));
  projectionCommand(group, "pause", "let a projection stand where it is").action(
    runs(async () => (await import("./commands/projections-pause.ts")).pauseProjection),
  );
  projectionCommand(group, "resume", "let a paused projection go on").action(
    runs(async () => (await import("./commands/projections-resume.ts")).resumeProjection),
  );
}

function declareMirror(program: Command, runs: Runner): void {
  const group = commandGroup(program, "mirror", "keep a second store as the first one is");
  group
    .command("status")
    .description("tell how far a mirror is behind the store, and what stops it")
    .requiredOption("--to <store>", "the mirror, as a path or URL")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/mirror-status.ts")).showMirror));
  group
    .command("run")
    .description("feed a mirror from the store until Ctrl-C")
    .requiredOption("--to <store>", "the mirror, as a path or URL; made where there is none")
    .option("--once", "end when it has caught up")
    .action(runs(async () => (await import("./commands/mirror-run.ts")).runMirror));
}

function declareSpool(program: Command, runs: Runner): void {
  const group = commandGroup(program, "spool", "see and steer what waits to be sent to a store");
  spoolCommand(group, "status", "tell what waits, and what the store refused")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/spool-status.ts")).showSpool));
  spoolCommand(group, "retry", "let what was refused be sent again, without the lease that it came with")
    .argument("[batch]", "only this batch, by its number")
    .action(runs(async () => (await import("./commands/spool-retry.ts")).retrySpool));
  spoolCommand(group, "export", "print the entries that were refused, one JSON document a line")
    .option("--raw", "as they were written, not redacted")
    .action(runs(async () => (await import("./commands/spool-export.ts")).exportSpool));
  spoolCommand(group, "ship", "send what waits to the store, where no program does").action(
    runs(async () => (await import("./commands/spool-ship.ts")).shipSpool),
  );
}

function spoolCommand(group: Command, name: string, description: string): Command {
  return group.command(name).description(description).requiredOption("--dir <folder>", "the spool's folder");
}

function projectionCommand(group: Command, name: string, description: string): Command {
  return group
    .command(name)
    .description(description)
    .argument("<name>", "its name")
    .option("--json", "print JSON");
}
