import { type FlowStatus, flowStatus } from "../../git/flow/status.ts";
import { counted, localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { entireNote } from "./git-enable.ts";

/** Tells how the repository of the current folder is set up, and what waits there. */
export async function showGit(_: readonly string[], options: { readonly json?: true }): Promise<ExitCode> {
  const status = await withRepository((repository) => flowStatus(repository));
  if (options.json === true) await writeJson({ ...status });
  else
    await write(
      `${rowsOf(status)
        .map(([name, text]) => `${name.padEnd(10)}${harmlessLine(text)}\n`)
        .join("")}`,
    );
  return status.problems.length > 0 ? exitCodes.problems : exitCodes.ok;
}

function rowsOf({
  enabled,
  settings,
  hooks,
  agent,
  spool,
  sessions,
  behind,
  unpushed,
  errors,
  problems,
}: FlowStatus): [string, string][] {
  const { layout, mirrors } = settings ?? { layout: "none", mirrors: [] };
  const waiting =
    spool.pending === 0
      ? "nothing waits"
      : `${counted(spool.pending, "event")} waiting since ${localTime(spool.oldestAtMs ?? 0)}`;
  const { idle, active, ended, stale, touchedFiles } = sessions;
  const scopes = `Claude Code calls us (${agent.join(" and ")} settings)`;
  return [
    ["enabled", enabled ? "yes" : "no: run holdfast git enable"],
    ["layout", `${layout}${mirrors.length === 0 ? "" : `, mirrored in ${mirrors.join(" and ")}`}`],
    ["hooks", `${hooks.folder}: ${stateWords(hooks.states)}`],
    ...rowIf(hooks.calls !== undefined, "", `which call those in ${hooks.calls}`),
    ...rowIf(hooks.otherTools.length > 0, "others", hooks.otherTools.join(", ")),
    ...rowIf(hooks.otherTools.includes("entire"), "", entireNote),
    ["agent", agent.length === 0 ? "Claude Code does not call us here" : scopes],
    ["spool", `${waiting}${spool.aside.length === 0 ? "" : `, ${spool.aside.length} set aside`}`],
    [
      "sessions",
      `${active} active, ${idle} idle, ${ended} ended, ${stale} stale; ${counted(touchedFiles, "file")} not committed yet`,
    ],
    ...behind.map(({ layout, checkpoints, sinceMs, reason = "it was cut off" }): [string, string] => [
      "behind",
      `${layout} lacks ${counted(checkpoints, "checkpoint")} since ${localTime(sinceMs)}: ${reason}`,
    ]),
    ...rowIf(unpushed > 0, "push", `${counted(unpushed, "ref")} waiting`),
    ...errors.map((line): [string, string] => ["error", line]),
    ...problems.map((problem): [string, string] => ["problem", problem]),
  ];
}

function rowIf(isShown: boolean, name: string, text: string): [string, string][] {
  return isShown ? [[name, text]] : [];
}

/** All at once where they stand alike. */
function stateWords(states: FlowStatus["hooks"]["states"]): string {
  const [first, ...others] = new Set(Object.values(states));
  if (others.length === 0) return `all ${first}`;
  return Object.entries(states)
    .map(([name, state]) => `${name} ${state}`)
    .join(", ");
}
