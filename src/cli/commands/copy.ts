import type { Store } from "../../core/store.ts";
import { type CopyProgress, type CopyReport, copyStore } from "../../runtime/copy.ts";
import { asTyped, pointInTime } from "../arguments.ts";
import { counted, size } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, write, writeJson } from "../output.ts";
import { parityLines } from "../parity-report.ts";
import { type Progress, progressBar } from "../progress.ts";
import { stopSignals } from "../stop-signals.ts";
import { type TwoStoresOption, withTwoStores } from "../store.ts";

/** Copies sessions to another store and compares both; ends with 3 where they differ, with 130 after Ctrl-C. */
export async function copy(_: readonly string[], options: CopyOptions): Promise<ExitCode> {
  const { since, json } = options;
  const sinceMs = since === undefined ? undefined : pointInTime(since, "--since", Date.now());
  const report = await withTwoStores(options, true, (stores) => copied(stores, options, sinceMs));
  if (json === true) await writeJson({ ...report });
  else await write(`${linesOf(report).join("\n")}\n`);
  if (report.stopped) say(`Stopped. Go on with: ${againCommand(options)}`);
  if (report.stopped) return exitCodes.stopped;
  return (report.parity?.differing ?? 0) > 0 ? exitCodes.problems : exitCodes.ok;
}

interface CopyOptions extends TwoStoresOption {
  readonly project?: string;
  readonly since?: string;
  readonly resume?: true;
  readonly json?: true;
}

async function copied(
  stores: { readonly from: Store; readonly to: Store },
  { project, resume }: CopyOptions,
  sinceMs: number | undefined,
): Promise<CopyReport> {
  const stop = new AbortController();
  const bar = progressBar("Copying");
  const rate = rateSince(performance.now());
  using _signals = stopSignals(async () => {
    say("Stopping behind this batch. Ctrl-C again ends it at once.");
    stop.abort();
  });
  return await copyStore({
    ...stores,
    ...(project === undefined ? {} : { project }),
    ...(sinceMs === undefined ? {} : { sinceMs }),
    resume: resume === true,
    signal: stop.signal,
    onProgress: (progress) => bar.update(rate(progress)),
  }).finally(bar.done);
}

/** What a person sees of how far it is: the rate of what is written, and the time left by what is done. */
function rateSince(startMs: number): (progress: CopyProgress) => Progress {
  return ({ phase, done, total, copied: length }) => {
    const passedS = Math.max(0.001, (performance.now() - startMs) / 1000);
    const leftS = done === 0 ? undefined : Math.ceil((passedS * (total - done)) / done);
    const left = leftS === undefined ? "" : `, ${timeOf(leftS)} left`;
    const rate = `, ${size(Math.round(length / passedS))}B/s`;
    const note = phase === "copying" ? rate + left : `, ${phase}`;
    return { bytes: done, totalBytes: total, note };
  };
}

function timeOf(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function linesOf({ entries, length, blobs, dropped, position, parity }: CopyReport): string[] {
  const parts = [
    `Copied ${counted(entries, "new entry")} (${size(length)}B)`,
    ...(blobs === 0 ? [] : [counted(blobs, "blob")]),
    ...(dropped === 0 ? [] : [`${counted(dropped, "session")} dropped as at the source`]),
  ];
  if (parity === null) return [`${parts.join("; ")}.`];
  return [`${parts.join("; ")}. Caught up at change ${position}.`, ...parityLines(parity)];
}

function againCommand({ from, to, project, since }: CopyOptions): string {
  const given = Object.entries({ "--from": from, "--to": to, "--project": project, "--since": since });
  const words = given.flatMap(([option, value]) => (value === undefined ? [] : [option, asTyped(value)]));
  return ["holdfast copy", ...words, "--resume"].join(" ");
}
