import { wholeNumber } from "../arguments.ts";
import { agentsOf, lineOf, promptOf, tokensOf } from "../checkpoint-words.ts";
import { withCheckpoints } from "../checkpoints.ts";
import { localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";
import { table } from "../run-table.ts";

/** Lists all checkpoints, newest first; ends with 3 where some cannot be read. */
export async function listGit(_: readonly string[], options: ListOptions): Promise<ExitCode> {
  const limit = wholeNumber(options.limit ?? "50", "--limit", 1, 10_000_000);
  const { all, code } = await withCheckpoints(async ({ index, isDamaged }) => {
    const facts = await index.all();
    return { all: facts, code: isDamaged() ? exitCodes.problems : exitCodes.ok };
  });
  const shown = all.slice(0, limit);
  if (options.json === true) {
    await writeJson({ total: all.length, checkpoints: shown });
    return code;
  }
  if (all.length === 0) {
    await write("There are no checkpoints in this repository.\n");
    return code;
  }
  const rows = shown.map((facts) => [
    facts.id,
    facts.atMs === null ? "" : localTime(facts.atMs),
    lineOf(facts.branch ?? ""),
    agentsOf(facts),
    String(facts.sessions.length),
    tokensOf(facts.usage).replace(" tokens", ""),
    promptOf(facts),
  ]);
  const head = ["CHECKPOINT", "STORED", "BRANCH", "AGENT", "SESSIONS", "TOKENS", "PROMPT"];
  const more = all.length - shown.length;
  const lines = [
    ...table([head, ...rows]),
    ...(more === 0
      ? []
      : [`… and ${more.toLocaleString("en-US")} more; see them with --limit ${all.length}`]),
  ];
  await write(`${lines.join("\n")}\n`);
  return code;
}

interface ListOptions {
  readonly limit?: string;
  readonly json?: true;
}
