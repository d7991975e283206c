import { disable } from "../../git/flow/disable.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";

/** Takes away what `git enable` set up; ends with 3 where something had to stay. */
export async function disableGit(_: readonly string[], options: DisableOptions): Promise<ExitCode> {
  const done = await withRepository((repository) => disable(repository, { forget: options.force === true }));
  if (options.json === true) await writeJson({ ...done });
  else await write(`${linesOf(done).map(harmlessLine).join("\n")}\n`);
  return done.left.length > 0 || done.skipped.length > 0 || done.pending > 0
    ? exitCodes.problems
    : exitCodes.ok;
}

interface DisableOptions {
  readonly force?: true;
  readonly json?: true;
}

function linesOf({
  settings,
  left,
  skipped,
  pending,
  unpushed,
}: Awaited<ReturnType<typeof disable>>): string[] {
  return [
    "Commits are not linked to sessions any more. Checkpoints stay.",
    ...settings.map((path) => `Claude Code's hooks are gone from ${path}.`),
    ...left.map((name) => `Left as it is: ${name}, because another tool's hook took its place since.`),
    ...skipped.map((what) => `Skipped: ${what}`),
    ...(pending === 0
      ? []
      : [
          `${counted(pending, "event")} not done yet: kept; --force forgets them, git enable goes on with them.`,
        ]),
    ...(unpushed === 0
      ? []
      : [
          `${counted(unpushed, "ref")} of checkpoints ${unpushed === 1 ? "was" : "were"} not pushed yet: holdfast git push --all finds and sends ${unpushed === 1 ? "it" : "them"}.`,
        ]),
  ];
}
