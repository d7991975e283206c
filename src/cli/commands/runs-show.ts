import type { EventEnvelope } from "../../core/event.ts";
import { isHoldfastError } from "../../core/errors.ts";
import type { Input } from "../../core/input.ts";
import { objectIn } from "../../core/json.ts";
import type { TailPart } from "../../core/run.ts";
import { openSteps, type Step } from "../../core/steps.ts";
import type { Store } from "../../core/store.ts";
import type { TailVerdict } from "../../core/tail-verdict.ts";
import { runUnknown } from "../../core/work-checks.ts";
import { readLinks } from "../../runtime/links.ts";
import { readTail, verdictOn } from "../../runtime/read-tail.ts";
import { readTimeline } from "../../runtime/timeline.ts";
import { shown } from "../arguments.ts";
import { counted, localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { linkLines } from "../links.ts";
import { write, writeJson } from "../output.ts";
import { receiptLine } from "../run-ending.ts";
import { runForPeople, shownRun, type ShownRun, stateOf } from "../run-table.ts";
import { type StoreOption, withStore } from "../store.ts";
import { terminalWidth } from "../streams.ts";
import { stdoutStyle } from "../style.ts";
import { shownText, Timeline } from "../timeline.ts";

/** Shows one run: what it answers, how it stands, and on request what happened in it. */
export async function showRun([id = ""]: readonly string[], options: ShowRunOptions): Promise<ExitCode> {
  await withStore(options, async (store) => {
    const found = await store.run({ run: id });
    if (found === null) throw runUnknown(shown(id));
    const run = await shownRun(store, found);
    const input = await inputOf(store, run);
    const staged = await stagedBy(store, run);
    const links = (await readLinks(store, run)).filter((link) => link.run === id);
    const events = options.events === true ? await eventsOf(store, id) : undefined;
    if (options.json === true)
      return await writeJson({
        run: runForPeople(run),
        input: input ?? null,
        staged: staged ?? null,
        links,
        ...(events === undefined ? {} : { events }),
      });
    await write(`${[...headLines(run, input, staged), ...linkLines(links)].join("\n")}\n`);
    if (events !== undefined) await writeTimeline(events);
  });
  return exitCodes.ok;
}

interface ShowRunOptions extends StoreOption {
  readonly events?: true;
  readonly json?: true;
}

async function inputOf(store: Store, { project, session, input: id }: ShownRun): Promise<Input | undefined> {
  const found = await store.inputs({ session: { project, session }, limit: 1000 });
  return found.find((input) => input.id === id);
}

interface Staged {
  readonly parts: readonly TailPart[];
  /** What recovery makes of it. */
  readonly verdict: TailVerdict["verdict"];
  readonly doubt: string | undefined;
  /** Started, and nobody knows how they ended. */
  readonly steps: readonly Pick<Step, "name" | "key" | "effect">[];
}

/** What an open run has staged; undefined where it has ended. */
async function stagedBy(store: Store, { id, state }: ShownRun): Promise<Staged | undefined> {
  if (state !== "running" && state !== "held") return undefined;
  try {
    const tail = await readTail({ store, run: id });
    const verdict = verdictOn(tail);
    return {
      parts: tail.parts,
      verdict: verdict.verdict,
      doubt: verdict.verdict === "hold" ? verdict.message : undefined,
      steps: openSteps(tail.journal).map(({ name, key, effect }) => ({ name, key, effect })),
    };
  } catch (error) {
    // It ended, or was dropped, between the two reads.
    if (isHoldfastError(error)) return undefined;
    throw error;
  }
}

async function eventsOf(store: Store, run: string): Promise<readonly EventEnvelope[]> {
  const events: EventEnvelope[] = [];
  for await (const envelope of readTimeline({ store, run })) events.push(envelope);
  return events;
}

function headLines(run: ShownRun, input: Input | undefined, staged: Staged | undefined): string[] {
  const { id, session, project, worker, attempt, startedAtMs, endedAtMs, reason, outcome, receipt } = run;
  const result = objectIn(outcome ?? "");
  const times = `${localTime(startedAtMs)}${endedAtMs === undefined ? "" : ` to ${localTime(endedAtMs)}`}`;
  return [
    stdoutStyle().bold(`Run ${harmlessLine(id)}: ${stateOf(run)}`),
    `session  ${harmlessLine(session)} of project ${harmlessLine(project)}`,
    `input    ${inputLine(run, input)}, attempt ${attempt}`,
    `worker   ${harmlessLine(worker)}, ${times}`,
    ...(reason === undefined ? [] : [`reason   ${shownText(reason)}`]),
    ...(result === undefined ? [] : [`outcome  ${outcomeLine(result)}`]),
    ...(receipt === undefined ? [] : [`receipt  ${receiptLine(receipt)}`]),
    ...(staged === undefined ? [] : stagedLines(run, staged)),
  ];
}

function inputLine({ input: id }: ShownRun, input: Input | undefined): string {
  return input === undefined ? id : `${id}, key ${harmlessLine(input.key)}, ${input.state}`;
}

function outcomeLine({ ok, text }: Readonly<Record<string, unknown>>): string {
  return `${ok === true ? "ok" : "failed"}: ${shownText(String(text))}`;
}

function stagedLines({ state, lapsed }: ShownRun, { parts, verdict, doubt, steps }: Staged): string[] {
  const count = parts.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  const staged = `staged   ${counted(count, "entry")} in ${counted(parts.length, "log")}, not committed`;
  if (state === "running" && !lapsed) return [staged];
  const told = doubt === undefined ? verdict : `${verdict}: ${shownText(doubt)}`;
  const open = steps.map(
    ({ name, key, effect }) => `step     ${harmlessLine(`${name}:${key}`)}, ${effect}, of unknown outcome`,
  );
  return [staged, ...open, `verdict  ${told}`];
}

async function writeTimeline(events: readonly EventEnvelope[]): Promise<void> {
  const style = stdoutStyle();
  const width = terminalWidth();
  const timeline = new Timeline({ style, width: width === undefined ? undefined : width - 2 });
  const lines = [
    ...events.flatMap(({ committed, event }) => timeline.lines(event, committed ? "" : style.dim("┆ "))),
    ...timeline.rest(),
  ];
  if (lines.length > 0) await write(`${lines.join("\n")}\n`);
}
