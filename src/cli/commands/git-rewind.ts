import { readCommit } from "../../git/reading/commits.ts";
import { checkpointsOf, resolveName } from "../../git/reading/resolve.ts";
import { rewind, type Rewound, undoRewind } from "../../git/reading/rewind/rewind.ts";
import { usage } from "../arguments.ts";
import { lineOf } from "../checkpoint-words.ts";
import { type Checkpoints, withCheckpoints } from "../checkpoints.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { write, writeJson } from "../output.ts";

/** Brings files back to where a checkpoint's commit had them, or takes the last time back. */
export async function rewindGit([name]: readonly string[], options: RewindOptions): Promise<ExitCode> {
  const { undo, dryRun = false } = options;
  if ((name === undefined) === (undo === undefined))
    throw usage("Either a checkpoint or --undo is wanted.", "Name a checkpoint, or give --undo alone.");
  const done = await withCheckpoints(async (checkpoints) => {
    const { repository, index } = checkpoints;
    if (name === undefined) return await undoRewind({ repository, dryRun });
    const checkpoint = await checkpointOf(checkpoints, name);
    return await rewind({ repository, index, checkpoint, dryRun, nowMs: Date.now() });
  });
  const isUndo = name === undefined;
  if (options.json === true) await writeJson({ dryRun, undo: isUndo, ...done });
  else await write(`${linesOf(done, { isUndo, dryRun }).join("\n")}\n`);
  return exitCodes.ok;
}

interface RewindOptions {
  readonly undo?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const maxShown = 50;

async function checkpointOf(checkpoints: Checkpoints, name: string): Promise<string> {
  const named = await resolveName({ ...checkpoints, name });
  if (named.kind === "checkpoint") return named.id;
  const links = await checkpointsOf(checkpoints, await readCommit(checkpoints.repository, named.commit));
  const [only, ...others] = links;
  if (only === undefined)
    throw usage(
      `The commit ${named.commit.slice(0, 10)} has no checkpoint.`,
      "Check it out with git itself.",
    );
  if (others.length > 0)
    throw usage(
      `The commit ${named.commit.slice(0, 10)} has several checkpoints: ${links.map(({ id }) => id).join(", ")}.`,
      "Name one.",
    );
  return only.id;
}

function linesOf(
  { checkpoint, target, paths, submodules, kept }: Rewound,
  { isUndo, dryRun }: { readonly isUndo: boolean; readonly dryRun: boolean },
): string[] {
  const shown = paths
    .slice(0, maxShown)
    .map(({ path, fromMode, toMode }) => `  ${verbOf(fromMode, toMode)} ${lineOf(path)}`);
  const more = paths.length > maxShown ? [`  … and ${counted(paths.length - maxShown, "other")}`] : [];
  const left = submodules.map((path) => `The submodule ${lineOf(path)} is left as it is.`);
  const where = isUndo
    ? `as before the rewind to ${checkpoint}`
    : `as in checkpoint ${checkpoint}, commit ${target.slice(0, 10)}`;
  if (paths.length === 0) return [`All files are ${where} already.`];
  const verb = dryRun ? "would be" : paths.length === 1 ? "is" : "are";
  return [
    `${counted(paths.length, "file")} ${verb} ${where}:`,
    ...shown,
    ...more,
    ...left,
    ...(dryRun
      ? ["Nothing was changed."]
      : isUndo || kept === null
        ? []
        : [
            `HEAD is where it was. What the files were is kept as ${kept.ref}.`,
            "Take it back with: holdfast git rewind --undo",
          ]),
  ];
}

function verbOf(fromMode: string, toMode: string): string {
  if (/^0+$/.test(fromMode)) return "added  ";
  return /^0+$/.test(toMode) ? "removed" : "changed";
}
