import { Command, CommanderError } from "commander";
import { errorCodes, isHoldfastError } from "../core/errors.ts";

/** Runs the command line; sets the exit code 0 ok, 1 failure, 2 usage, 4 busy. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await makeProgram().parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    if (!(error instanceof CommanderError)) process.stderr.write(`holdfast: ${messageOf(error)}\n`);
  }
}

function makeProgram(): Command {
  const program = new Command("holdfast").description("Durable sessions for coding agents").exitOverride();
  program.option("--store <url>", "sqlite:PATH; default is the store of this user");
  const list = program.command("list").description("list the sessions, newest first");
  list.option("--project <name>", "only this project").option("--title <text>", "only titles with this text");
  list.option("--limit <n>", "how many rows", "50").option("--json", "as JSON");
  list.action(async (options: Record<string, string>) => {
    const { listSessions } = await import("./commands/list.ts");
    await listSessions({ ...options, store: program.opts<{ store?: string }>().store });
  });
  return program;
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!isHoldfastError(error)) return 1;
  return { usage: 2, failure: 1, busy: 4 }[errorCodes[error.code]];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
