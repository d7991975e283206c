import { mirrorStatus } from "../../runtime/mirror-status.ts";
import type { ProjectionStatus } from "../../runtime/projection.ts";
import { counted, localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { type MirrorOption, withMirror } from "../store.ts";

/** Tells how far a mirror is behind the store; ends with 3 where something stops it. */
export async function showMirror(_: readonly string[], options: StatusOptions): Promise<ExitCode> {
  const status = await withMirror(options, false, ({ from, to }) =>
    mirrorStatus({ primary: from, secondary: to }),
  );
  if (options.json === true) await writeJson({ mirror: status && { ...status, state: stateOf(status) } });
  else await write(`${lineOf(status)}\n`);
  return status?.error === undefined && (status?.lag ?? 0) >= 0 ? exitCodes.ok : exitCodes.problems;
}

interface StatusOptions extends MirrorOption {
  readonly json?: true;
}

function stateOf({ paused, error, lag }: ProjectionStatus): string {
  if (paused) return "paused";
  if (error !== undefined) return "failed";
  if (lag < 0) return "ahead";
  return lag === 0 ? "caught_up" : "behind";
}

function lineOf(status: ProjectionStatus | null): string {
  if (status === null) return "Nothing was mirrored there yet. Begin with holdfast mirror run.";
  const { position, lag, error, updatedAtMs } = status;
  const since = updatedAtMs === null ? "" : `, last step ${localTime(updatedAtMs)}`;
  const where = `at change ${position.toLocaleString("en-US")}${since}`;
  switch (stateOf(status)) {
    case "caught_up":
      return `The mirror has caught up, ${where}.`;
    case "ahead":
      return `The mirror is ahead of the store, ${where}: the store was restored to an earlier state.`;
    case "paused":
      return `The mirror is paused ${counted(lag, "change")} behind, ${where}.`;
    default: {
      const far = `The mirror is ${counted(lag, "change")} behind, ${where}`;
      return error === undefined ? `${far}.` : `${far}: ${harmlessLine(error)}`;
    }
  }
}
