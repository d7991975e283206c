import type { LogKey } from "../../core/ids.ts";
import { scanInOrder } from "../../core/reading-order.ts";
import type { LogRow, SessionRow, Store } from "../../core/store.ts";
import { readLinks } from "../../runtime/links.ts";
import { usage, wholeNumber } from "../arguments.ts";
import { counted, localTime } from "../columns.ts";
import { entryJson } from "../entry-json.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { foldedBlocks } from "../folded.ts";
import { madeCommitsOf } from "../git-checkpoints.ts";
import { harmlessLine } from "../harmless.ts";
import { linkLines, madeCommitLines } from "../links.ts";
import { jsonForPeople, schemaVersion, write, writeStored } from "../output.ts";
import { chosenLog, pagesFromEnd, pagesOf, tailOf } from "../pages.ts";
import { findSession, type SessionOption } from "../session.ts";
import { rowForPeople, titleOf } from "../session-table.ts";
import { type StoreOption, withStore } from "../store.ts";
import { terminalWidth } from "../streams.ts";
import { stdoutStyle, type Style } from "../style.ts";
import { findSubagents, type Subagents } from "../subagents.ts";
import { terminalLines } from "../transcript.ts";
import { visibleTail } from "../visible-tail.ts";
import { widthOf } from "../width.ts";

/** Prints a session: as a transcript, as JSON, or as it is stored. */
export async function show([prefix = ""]: readonly string[], options: ShowOptions): Promise<ExitCode> {
  if (options.raw === true && options.json === true)
    throw usage("--raw and --json cannot be given together.", "Choose one.");
  const tail = options.tail === undefined ? undefined : wholeNumber(options.tail, "--tail", 1, 1_000_000);
  await withStore(options, async (store) => {
    const session = await findSession(store, prefix, options);
    const log = await chosenLog(store, session, options.log);
    if (options.raw === true) await showRaw(store, log, tail);
    else if (options.json === true) await showJson(store, session, log, tail);
    else await showTranscript(store, session, log, tail);
  });
  return exitCodes.ok;
}

interface ShowOptions extends StoreOption, SessionOption {
  readonly log?: string;
  readonly tail?: string;
  readonly raw?: true;
  readonly json?: true;
}

async function showRaw(store: Store, log: LogKey, tail: number | undefined): Promise<void> {
  if (tail === undefined) {
    for await (const bodies of scanInOrder(store, log)) await writeStored(`${bodies.join("\n")}\n`);
    return;
  }
  for (const { body } of await tailOf(store, log, tail)) await writeStored(`${body}\n`);
}

// Written piece by piece: a session of any length costs one page of memory.
async function showJson(store: Store, session: SessionRow, log: LogKey, tail: number | undefined) {
  const logs: readonly LogRow[] = await store.logs(session);
  const links = await readLinks(store, session);
  const made = await madeCommitsOf(store, session);
  const commits = made.length === 0 ? {} : { commits: made };
  const row = rowForPeople(session);
  const head = JSON.stringify({ schemaVersion, session: row, logs, links, ...commits, log: log.log });
  await write(`${jsonForPeople(head.slice(0, -1))},"entries":[`);
  let separator = "";
  for await (const entries of entriesOf(store, log, tail)) {
    for (const entry of entries) {
      await write(`${separator}\n${entryJson(entry)}`);
      separator = ",";
    }
  }
  await write("\n]}\n");
}

async function showTranscript(store: Store, session: SessionRow, log: LogKey, tail: number | undefined) {
  const style = stdoutStyle();
  const links = linkLines(await readLinks(store, session));
  const commits = madeCommitLines(await madeCommitsOf(store, session));
  await write(`${[headOf(session, style), ...links, ...commits].join("\n")}\n`);
  const subagents = await findSubagents(store, session);
  subagents.leaveOut(log.log);
  const place: Place = { store, log, tail, indent: "", style, subagents };
  await showLog(place);
  if (log.log !== "" || tail !== undefined) return;
  for (const rest of subagents.rest()) await showSubagent(place, rest);
}

interface Place {
  readonly store: Store;
  readonly log: LogKey;
  readonly tail: number | undefined;
  readonly indent: string;
  readonly style: Style;
  readonly subagents: Subagents;
}

async function showLog(place: Place): Promise<void> {
  const { store, log, tail, indent, style } = place;
  const width = terminalWidth();
  const layout = { style, width: width === undefined ? undefined : width - widthOf(indent) };
  for await (const folded of foldedBlocks(store, log, visibleOf(store, log, tail))) {
    const lines = terminalLines(folded.block, folded.result, layout);
    await write(lines.map((line) => `${indent}${line}`.trimEnd()).join("\n") + "\n");
    const started = place.subagents.take(folded);
    if (started !== undefined) await showSubagent(place, started);
  }
}

async function showSubagent(place: Place, log: string): Promise<void> {
  const indent = `${place.indent}  │ `;
  await write(`${indent}${place.style.dim(harmlessLine(log))}\n`);
  await showLog({ ...place, indent, log: { ...place.log, log } });
}

function headOf(session: SessionRow, style: Style): string {
  const facts = [
    harmlessLine(session.project),
    harmlessLine(session.provider),
    counted(session.entries, "entry"),
    `${localTime(session.createdAtMs)} to ${localTime(session.updatedAtMs)}`,
  ];
  return `${style.bold(titleOf(session))}\n${harmlessLine(session.session)}\n${style.dim(facts.join(" · "))}`;
}

async function* entriesOf(store: Store, log: LogKey, tail: number | undefined) {
  if (tail === undefined) yield* pagesOf(store, log);
  else yield await tailOf(store, log, tail);
}

async function* visibleOf(store: Store, log: LogKey, tail: number | undefined) {
  if (tail === undefined) yield* pagesOf(store, log);
  else yield await visibleTail(pagesFromEnd(store, log), { count: tail, isFolded: true });
}
