import { repairCheckpoints, type RepairReport } from "../../git/repair.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { stepBar } from "../progress.ts";

/** Mends checkpoints where nothing has to be invented; ends with 3 where something wrong is left. */
export async function repairGit([id]: readonly string[], options: RepairOptions): Promise<ExitCode> {
  const bar = stepBar("Verifying");
  const report = await withRepository((repository) =>
    repairCheckpoints({
      ...{ repository, dryRun: options.dryRun === true, onProgress: bar.update },
      ...(id === undefined ? {} : { id }),
    }),
  ).finally(bar.done);
  if (options.json === true) await writeJson({ repair: report });
  else await write(`${linesOf(report).join("\n")}\n`);
  return report.left.some(({ severity }) => severity !== "note") ? exitCodes.problems : exitCodes.ok;
}

interface RepairOptions {
  readonly dryRun?: true;
  readonly json?: true;
}

function linesOf({ dryRun, repairs, left }: RepairReport): readonly string[] {
  const told = repairs.map(
    ({ id, where, sentence }) =>
      `${dryRun ? "would mend" : "mended"}: ${harmlessLine([id, where].filter((part) => part !== undefined).join(" "))}: ${harmlessLine(sentence)}`,
  );
  const open = left
    .filter(({ severity }) => severity !== "note")
    .map(
      ({ id, where, sentence, next }) =>
        `left: ${harmlessLine([id, where].filter((part) => part !== undefined).join(" "))}: ${harmlessLine(sentence)} ${next}`,
    );
  return [
    ...told,
    ...open,
    `${dryRun ? "Would do" : "Did"} ${counted(repairs.length, "repair")}; ${open.length} left.`,
  ];
}
