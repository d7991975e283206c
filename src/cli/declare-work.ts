import { type Command, Option } from "commander";
import { permissionModes } from "../agents/claude/permission-modes.ts";
import type { InputState } from "../core/input.ts";
import type { RunState } from "../core/run.ts";
import { commandGroup } from "./command-group.ts";
import type { Runner } from "./runner.ts";

/** Declares what gives agents work, and what looks after their runs. */
export function declareWork(program: Command, runs: Runner): void {
  declareRun(program, runs);
  declareWorker(program, runs);
  declareRuns(program, runs);
  declareInputs(program, runs);
  program
    .command("reconcile")
    .description("end the runs that nobody runs any more")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--limit <n>", "end or hold no more runs than this")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/reconcile.ts")).reconcileRuns));
  program
    .command("redispatch")
    .description("queue the inputs again that were given up after their last try")
    .option("--dry-run", "say what would be done, and change nothing")
    .option("--session <id>", "only of this session, by the first characters of its id")
    .option("--project <name>", "only of this project")
    .option("--input <id>", "only this one, also where it was given up by a decision")
    .option("--reason <text>", "why, kept on record")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/redispatch.ts")).redispatchInputs));
}

function declareRun(program: Command, runs: Runner): void {
  program
    .command("run")
    .description("ask an agent for one turn of a session, and wait for its end")
    .argument("<prompt>", "what is asked, in quotes")
    .requiredOption("--agent <name>", "who answers: scripted or claude")
    .option("--session <id>", "the session's whole id; a new one where there is none")
    .option("--project <name>", "the session's project (default: its own, else named after this folder)")
    .option("--resume-key <key>", "the session that has this key; it is kept with the session")
    .option("--key <key>", "what makes this request the same when it is made again (default: random)")
    .option("--label <name=value>", "a label for the session; may be given several times", collected)
    .option("--model <name>", "the model (default: the session's last)")
    .addOption(
      new Option(
        "--permission-mode <mode>",
        "what the agent may do unasked (default: the session's last)",
      ).choices(permissionModes),
    )
    .option("--cwd <folder>", "where the agent works (default: the session's last, else this folder)")
    .option("--attach <file>", "an image, a PDF or a text; may be given several times", collected)
    .option("--new", "a new session, also where others begin with its id")
    .option("--no-wait", "fail with 4 where the session is busy")
    .option("--prices <file>", "your own price table")
    .option("--json", "print the events, one JSON document a line, and the outcome last")
    .action(runs(async () => (await import("./commands/run.ts")).run));
}

function declareWorker(program: Command, runs: Runner): void {
  program
    .command("worker")
    .description("take inputs and let agents answer them, until SIGTERM or Ctrl-C")
    .option("--concurrency <n>", "runs at once", "8")
    .option("--provider <name>", "only inputs of this provider; may be given several times", collected)
    .option("--project <name>", "only inputs of this project")
    .option("--drain-ms <ms>", "how long its runs may take to end when it is stopped", "30000")
    .option("--git", "write git checkpoints of the commits that runs make, where holdfast git enable was run")
    .option("--prices <file>", "your own price table")
    .option("--json", "print one JSON document a line")
    .action(runs(async () => (await import("./commands/worker.ts")).work));
}

function declareRuns(program: Command, runs: Runner): void {
  const group = commandGroup(program, "runs", "see and end the runs of agents");
  workList(group, "runs, newest first", runStates)
    .option("--cursor <cursor>", "where the last page ended")
    .action(runs(async () => (await import("./commands/runs-list.ts")).listRuns));
  group
    .command("show")
    .description("show one run")
    .argument("<run>", "its id")
    .option("--events", "with its timeline")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/runs-show.ts")).showRun));
  group
    .command("resolve")
    .description("end a run that is held, or that nobody runs any more")
    .argument("<run>", "its id")
    .option("--commit", "publish what it has staged, as its answer")
    .option("--discard", "put what it has staged aside, and give its input up")
    .option("--resume", "publish what it has staged, closed, and let its input be tried again")
    .option(
      "--step <name=outcome>",
      "how a step of unknown outcome ended: done or failed; may be given several times",
      collected,
    )
    .option("--result <json>", "what the one step that is done gave back (default: null)")
    .requiredOption("--reason <text>", "why, kept on record")
    .option("--prices <file>", "your own price table")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/runs-resolve.ts")).resolve));
}

function declareInputs(program: Command, runs: Runner): void {
  const group = commandGroup(program, "inputs", "see and cancel what agents are asked");
  workList(group, "inputs, newest first", inputStates).action(
    runs(async () => (await import("./commands/inputs-list.ts")).listInputs),
  );
  group
    .command("cancel")
    .description("cancel an input, or ask its run to stop")
    .argument("<input>", "its id")
    .option("--reason <text>", "why, kept on record")
    .option("--json", "print JSON")
    .action(runs(async () => (await import("./commands/inputs-cancel.ts")).cancelInput));
}

function workList(group: Command, what: string, states: readonly string[]): Command {
  return group
    .command("list")
    .description(`list ${what}`)
    .option("--session <id>", "only of this session, by the first characters of its id")
    .option("--project <name>", "the session's project")
    .addOption(new Option("--state <state>", "only in this state").choices(states))
    .option("--limit <n>", "rows in a page", "50")
    .option("--json", "print JSON");
}

function collected(value: string, before: unknown): readonly string[] {
  return [...(Array.isArray(before) ? (before as string[]) : []), value];
}

const runStates = ["running", "held", "committed", "interrupted", "discarded"] as const satisfies RunState[];
const inputStates = [
  "queued",
  "running",
  "consumed",
  "cancelled",
  "abandoned",
] as const satisfies InputState[];
