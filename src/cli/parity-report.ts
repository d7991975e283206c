import type { ParityReport } from "../runtime/parity.ts";
import { counted, size } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";

/** What a comparison found, as lines for people; differences first. */
export function parityLines(report: ParityReport): string[] {
  const { sessions, logs, entries, bytes, differing, differences } = report;
  const more = differing - differences.length;
  const sums = [
    counted(sessions, "session"),
    counted(logs, "log"),
    counted(entries, "entry"),
    `${size(bytes)}B`,
  ];
  return [
    ...differences.map(({ project, session, message }) =>
      harmlessLine(`difference: ${project} ${session}: ${message}`),
    ),
    ...(more > 0 ? [`… and ${counted(more, "difference")} more.`] : []),
    ...openLine(report),
    differing === 0
      ? `The same at the target: ${sums.join(", ")}.`
      : `${counted(differing, "difference")} in ${sums.join(", ")}.`,
  ];
}

/** What no copy takes. */
function openLine({ open: { queuedInputs, runningInputs, leases } }: ParityReport): string[] {
  const parts = [
    ...(queuedInputs > 0 ? [counted(queuedInputs, "queued input")] : []),
    ...(runningInputs > 0 ? [`${counted(runningInputs, "running input")} with what was staged`] : []),
    ...(leases > 0 ? [counted(leases, "lease")] : []),
  ];
  return parts.length === 0
    ? []
    : [`not copied: ${parts.join(", ")}. Let the workers end them, then copy again.`];
}
