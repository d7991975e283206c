import type { LogKey } from "../../core/ids.ts";
import { scanInOrder } from "../../core/reading-order.ts";
import { runOf } from "../../core/run.ts";
import type { SessionRow, Store } from "../../core/store.ts";
import { readTimeline } from "../../runtime/timeline.ts";
import { shown, usage } from "../arguments.ts";
import { counted, localTime } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { exportToFolder } from "../export-folder.ts";
import { foldedBlocks } from "../folded.ts";
import { harmlessLine } from "../harmless.ts";
import { toNewFile } from "../new-file.ts";
import { jsonForPeople, say, write, writeStored } from "../output.ts";
import { chosenLog, pagesOf } from "../pages.ts";
import { findSession, type SessionOption } from "../session.ts";
import { titleOf } from "../session-table.ts";
import { type StoreOption, withStore } from "../store.ts";
import { findSubagents, type Subagents } from "../subagents.ts";
import { markdownOf } from "../transcript.ts";

/** Writes a session out: JSONL that an agent resumes from, or Markdown for people. */
export async function exportSession(
  [prefix = ""]: readonly string[],
  options: ExportOptions,
): Promise<ExitCode> {
  checkOptions(options);
  await withStore(options, async (store) => {
    const session = await findSession(store, prefix, options);
    if (options.folder === undefined) await exportLog(store, session, options);
    else await exportAll(store, session, { ...options, folder: options.folder });
  });
  return exitCodes.ok;
}

interface ExportOptions extends StoreOption, SessionOption {
  readonly format: string;
  readonly log?: string;
  readonly raw?: true;
  readonly output?: string;
  readonly folder?: string;
  readonly force?: true;
}

async function exportLog(store: Store, session: SessionRow, options: ExportOptions): Promise<void> {
  const log = await chosenLog(store, session, options.log);
  const pieces = options.format === "markdown" ? markdown(store, session, log) : jsonl(store, log, options);
  const put = options.raw === true ? writeStored : write;
  if (options.output === undefined) for await (const piece of pieces) await put(piece);
  else await toNewFile(options.output, options.force === true, pieces);
  if (options.format === "jsonl" && options.log === undefined) await tellOfSubagents(store, session);
}

async function exportAll(
  store: Store,
  session: SessionRow,
  { folder, force, raw }: ExportOptions & { readonly folder: string },
): Promise<void> {
  const outgoing = raw === true ? (json: string) => json : jsonForPeople;
  const files = await exportToFolder({ store, session, folder, force: force === true, outgoing });
  const next = raw === true ? "" : " Redacted: an agent resumes from what --raw writes.";
  say(`Wrote ${counted(files, "file")} to ${harmlessLine(folder)}.${next}`);
}

function checkOptions({ format, log, raw, output, folder, force }: ExportOptions): void {
  if (format !== "jsonl" && format !== "markdown")
    throw usage(`There is no format ${shown(format)}.`, "Use --format jsonl or --format markdown.");
  if (format === "markdown" && raw === true)
    throw usage("Markdown is always redacted.", "Leave out --raw, or use --format jsonl.");
  if (folder !== undefined && (output !== undefined || log !== undefined || format !== "jsonl"))
    throw usage(
      "--folder writes every log as JSONL.",
      "Leave out --output, --log and --format, or --folder.",
    );
  if (force === true && output === undefined && folder === undefined)
    throw usage("--force is for a file.", "Name one with --output, or a folder with --folder.");
}

async function* jsonl(store: Store, log: LogKey, { raw }: ExportOptions): AsyncGenerator<string> {
  const run = raw === true ? undefined : runOf(log.log);
  if (run !== undefined) {
    for await (const envelope of readTimeline({ store, run }))
      yield jsonForPeople(`${JSON.stringify(envelope)}\n`);
    return;
  }
  for await (const bodies of scanInOrder(store, log)) {
    const piece = `${bodies.join("\n")}\n`;
    yield raw === true ? piece : jsonForPeople(piece);
  }
}

async function* markdown(store: Store, session: SessionRow, log: LogKey): AsyncGenerator<string> {
  const times = `${localTime(session.createdAtMs)} to ${localTime(session.updatedAtMs)}`;
  yield `# ${titleOf(session)}\n\nSession \`${harmlessLine(session.session)}\`, project \`${harmlessLine(session.project)}\`, ${times}\n\n`;
  const subagents = await findSubagents(store, session);
  subagents.leaveOut(log.log);
  yield* markdownLog(store, log, subagents);
  if (log.log !== "") return;
  for (const rest of subagents.rest()) yield* markdownSubagent(store, { ...log, log: rest }, subagents);
}

async function* markdownLog(store: Store, log: LogKey, subagents: Subagents): AsyncGenerator<string> {
  for await (const folded of foldedBlocks(store, log, pagesOf(store, log))) {
    yield markdownOf(folded.block, folded.result);
    const started = subagents.take(folded);
    if (started !== undefined) yield* markdownSubagent(store, { ...log, log: started }, subagents);
  }
}

async function* markdownSubagent(store: Store, log: LogKey, subagents: Subagents): AsyncGenerator<string> {
  yield `<details><summary>Subagent ${harmlessLine(log.log)}</summary>\n\n`;
  yield* markdownLog(store, log, subagents);
  yield "</details>\n\n";
}

async function tellOfSubagents(store: Store, session: SessionRow): Promise<void> {
  const logs = (await store.logs(session)).filter(({ log }) => log.startsWith("subagents/"));
  if (logs.length > 0)
    say(
      `${counted(logs.length, "subagent")} not in this file: --folder writes all of them, --log ${harmlessLine(logs[0]!.log)} one.`,
    );
}
