import { layoutOf } from "../../git/flow/flow-settings.ts";
import { migrateCheckpoints } from "../../git/migrate/migrate.ts";
import type { MigrateReport } from "../../git/migrate/report.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write, writeJson } from "../output.ts";
import { stepBar } from "../progress.ts";

/** Carries checkpoints over to another layout; ends with 3 where some could not be. */
export async function migrateGit(_: readonly string[], options: MigrateOptions): Promise<ExitCode> {
  const [from, to] = [layoutOf(options.from), layoutOf(options.to)];
  const bar = stepBar("Migrating");
  const report = await withRepository((repository) =>
    migrateCheckpoints({
      ...{ repository, from, to, onProgress: bar.update },
      dryRun: options.dryRun === true,
      allowUlids: options.force === true,
    }),
  ).finally(bar.done);
  if (options.json === true) await writeJson({ migration: report });
  else await writeMigration(report);
  return report.problems.length > 0 ? exitCodes.problems : exitCodes.ok;
}

interface MigrateOptions {
  readonly from: string;
  readonly to: string;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

async function writeMigration(report: MigrateReport): Promise<void> {
  const { from, to, dryRun, created, extended, unchanged, deleted, refused, kept, problems } = report;
  for (const { id, reason } of problems) say(`problem: ${id}: ${harmlessLine(reason)}`);
  const verb = dryRun ? "Would carry over" : "Carried over";
  const lines = [
    `${verb} ${counted(created, "checkpoint")} from ${from} to ${to}, with more of ${counted(extended, "other")}; ${unchanged} unchanged.`,
    ...(deleted.length === 0 ? [] : [`Left out ${counted(deleted.length, "checkpoint")} that was deleted.`]),
    ...(refused.length === 0
      ? []
      : [
          `Left out ${counted(refused.length, "ULID")}, which readers of ${to} do not look for: --force takes them along.`,
        ]),
    ...kept.map(
      ({ id, sessions }) =>
        `${id}: ${to} has other words of ${sessions.map(harmlessLine).join(", ")}, which stay.`,
    ),
  ];
  await write(`${lines.join("\n")}\n`);
}
