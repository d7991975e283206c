import { nextFetch } from "../../git/format/findings.ts";
import { verifyCheckpoints, type VerifyReport } from "../../git/verify.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { stepBar } from "../progress.ts";

/** Looks at all checkpoints, or at one, and changes nothing; ends with 3 where something is wrong. */
export async function verifyGit([id]: readonly string[], options: VerifyOptions): Promise<ExitCode> {
  const bar = stepBar("Verifying");
  const report = await withRepository((repository) =>
    verifyCheckpoints({ repository, onProgress: bar.update, ...(id === undefined ? {} : { id }) }),
  ).finally(bar.done);
  if (options.json === true) await writeJson({ verification: report });
  else await write(`${linesOf(report).join("\n")}\n`);
  const { error, warning } = report.counts;
  return error + warning > 0 ? exitCodes.problems : exitCodes.ok;
}

interface VerifyOptions {
  readonly json?: true;
}

function linesOf({ checkpoints, counts, findings }: VerifyReport): readonly string[] {
  const looked = Object.entries(checkpoints).map(
    ([layout, count]) => `${counted(count, "checkpoint")} in ${layout}`,
  );
  const told = findings.map(({ severity, code, layout, id, where, sentence }) => {
    const of = [layout, id, where === id ? undefined : where].filter((part) => part !== undefined).join(" ");
    return `${severity}: ${harmlessLine(of)}: ${harmlessLine(sentence)} (${code})`;
  });
  const all = counts.error + counts.warning + counts.note;
  const summary = `${counted(counts.error, "error")}, ${counted(counts.warning, "warning")}, ${counted(counts.note, "note")}.`;
  return [
    ...told,
    ...(all > findings.length ? [`The first ${findings.length} of ${all} are shown.`] : []),
    `Looked at ${looked.length === 0 ? "no checkpoint" : looked.join(", ")}: ${summary}`,
    ...nextLines(findings),
  ];
}

function nextLines(findings: VerifyReport["findings"]): readonly string[] {
  const wrong = findings.filter(({ severity }) => severity !== "note");
  return [
    ...(wrong.some(({ next }) => next === nextFetch)
      ? ["What is not here comes, if it was pushed, with: holdfast git fetch --all"]
      : []),
    ...(wrong.some(({ next }) => next !== nextFetch)
      ? ["What can be mended is told by: holdfast git repair --dry-run"]
      : []),
  ];
}
