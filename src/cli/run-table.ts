import type { SessionKey } from "../core/ids.ts";
import type { Input } from "../core/input.ts";
import { objectIn } from "../core/json.ts";
import type { Run } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { columns, localTime } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";
import { terminalWidth } from "./streams.ts";
import { stdoutStyle } from "./style.ts";
import { shownText } from "./timeline.ts";
import { cutStart } from "./width.ts";

/** A run with whether nobody runs it any more: its lease has lapsed before it ended. */
export interface ShownRun extends Run {
  readonly lapsed: boolean;
}

/** Looks up whether a run that is open has lapsed. */
export async function shownRun(store: Store, run: Run): Promise<ShownRun> {
  const { project, session } = run;
  if (run.state !== "running") return { ...run, lapsed: false };
  if ((await store.lease({ project, session })) !== null) return { ...run, lapsed: false };
  // It may have ended between the two reads.
  const now = (await store.run({ run: run.id })) ?? run;
  return { ...now, lapsed: now.state === "running" };
}

/** A run's state for people. */
export function stateOf({ state, lapsed }: ShownRun): string {
  return lapsed ? "lapsed" : state;
}

/** A run for JSON, with its outcome as an object. */
export function runForPeople({ outcome, ...run }: ShownRun): object {
  return { ...run, ...(outcome === undefined ? {} : { outcome: objectIn(outcome) ?? outcome }) };
}

/** The lines of a list of runs, with a heading. */
export function runTable(runs: readonly ShownRun[]): string[] {
  const rows = runs.map((run) => [
    harmlessLine(run.id),
    stateOf(run),
    localTime(run.startedAtMs),
    harmlessLine(run.session),
    projectOf(run),
    shownText(run.reason ?? ""),
  ]);
  return table([["RUN", "STATE", "STARTED", "SESSION", "PROJECT", "REASON"], ...rows]);
}

/** The lines of a list of inputs, with a heading, and with what they wait for where one does. */
export function inputTable(inputs: readonly Input[], waits: ReadonlyMap<string, string>): string[] {
  const waiting = (text: string): string[] => (waits.size === 0 ? [] : [text]);
  const rows = inputs.map((input) => [
    harmlessLine(input.id),
    input.cancelRequested === true && input.state === "running" ? "stopping" : input.state,
    localTime(input.admittedAtMs),
    String(input.attempts),
    ...waiting(harmlessLine(waits.get(input.id) ?? "")),
    harmlessLine(input.session),
    projectOf(input),
    shownText(promptText(input)),
  ]);
  return table([
    ["INPUT", "STATE", "ADMITTED", "ATTEMPTS", ...waiting("WAITS FOR"), "SESSION", "PROJECT", "PROMPT"],
    ...rows,
  ]);
}

/** Lines in columns below a heading. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const [heading, ...lines] = columns(rows, terminalWidth() ?? Number.POSITIVE_INFINITY);
  return [stdoutStyle().dim(heading!), ...lines];
}

function promptText({ body }: Input): string {
  const prompt = objectIn(body)?.["prompt"];
  return typeof prompt === "string" ? prompt : body;
}

function projectOf({ project }: SessionKey): string {
  return cutStart(harmlessLine(project), Math.max(12, Math.floor((terminalWidth() ?? 200) / 4)));
}
