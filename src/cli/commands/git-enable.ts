import { enable } from "../../git/flow/enable.ts";
import { layoutOf } from "../../git/flow/flow-settings.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { installedPrograms, withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";

/** Sets up the hooks of git and of Claude Code in the repository of the current folder. */
export async function enableGit(_: readonly string[], options: EnableOptions): Promise<ExitCode> {
  const { layout, mirror, shared, dryRun = false } = options;
  const done = await withRepository((repository) =>
    enable({
      repository,
      programs: installedPrograms(),
      settings: {
        ...(layout === undefined ? {} : { layout: layoutOf(layout) }),
        ...(mirror === undefined ? {} : { mirrors: mirrorsIn(mirror) }),
      },
      scope: shared === true ? "shared" : "local",
      dryRun,
    }),
  );
  if (options.json === true) await writeJson({ dryRun, ...done });
  else await write(`${linesOf(done, dryRun).map(harmlessLine).join("\n")}\n`);
  return exitCodes.ok;
}

interface EnableOptions {
  readonly layout?: string;
  readonly mirror?: string;
  readonly shared?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

function mirrorsIn(text: string): ReturnType<typeof layoutOf>[] {
  return text === "none" ? [] : text.split(",").map((name) => layoutOf(name.trim()));
}

function linesOf(
  { settings, changes, skipped, hooks, otherTools }: Awaited<ReturnType<typeof enable>>,
  dryRun: boolean,
) {
  const { layout, mirrors } = settings;
  const kept = `${layout}${mirrors.length === 0 ? "" : `, mirrored in ${mirrors.join(" and ")}`}`;
  const verb = dryRun ? "would set up" : "set up";
  return [
    ...changes.map((what) => `${verb}  ${what}`),
    ...skipped.map((what) => `skipped  ${what}`),
    dryRun
      ? "Nothing was changed."
      : `Commits are linked to sessions from now on; checkpoints are kept as ${kept}. Hooks: ${hooks}`,
    ...(changes.length === 0 ? ["All of it was there already."] : []),
    ...(otherTools.includes("entire") ? [entireNote] : []),
  ];
}

/** What it means when the `entire` CLI stamps commits too. */
export const entireNote =
  "The entire CLI's hooks are here: it alone adds Entire-Checkpoint to commits, Holdfast adds Agent-Session.";
