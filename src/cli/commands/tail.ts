import type { Command } from "commander";
import type { Entry } from "../../core/entry.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { usage, wholeNumber } from "../arguments.ts";
import { typedName } from "../command-line.ts";
import { entryJson } from "../entry-json.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { say, schemaVersion, write, writeStored } from "../output.ts";
import { chosenLog, storedFromEnd } from "../pages.ts";
import { findSession, type SessionOption } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";
import { terminalWidth } from "../streams.ts";
import { stdoutStyle } from "../style.ts";
import { resultLine, terminalLines } from "../transcript.ts";
import { blocksOf } from "../transcript-entry.ts";
import { visibleTail } from "../visible-tail.ts";

/** Prints a session's last entries that a reader sees something of, and with `--follow` those that any process writes from then on. */
export async function tail(
  [prefix = ""]: readonly string[],
  options: TailOptions,
  program: Command | null,
): Promise<ExitCode> {
  if (options.raw === true && options.json === true)
    throw usage("--raw and --json cannot be given together.", "Choose one.");
  const count = wholeNumber(options.lines, typedName(program, "-n", "--lines"), 0, 1_000_000);
  await withStore(options, async (store) => {
    const session = await findSession(store, prefix, options);
    const log = await chosenLog(store, session, options.log);
    const print = printerOf(options, log.log);
    // The feed's position comes first: what is written between the two reads is announced again, never missed.
    const { position } = await store.changes({ after: 0, limit: 1 });
    const { committed } = await store.read({ log, limit: 1 });
    await print(await lastStored(store, log, { committed, count, isWhole: isWhole(options) }));
    if (options.follow === true) await follow(store, log, { position, committed }, print);
  });
  return exitCodes.ok;
}

interface TailOptions extends StoreOption, SessionOption {
  readonly lines: string;
  readonly follow?: true;
  readonly log?: string;
  readonly raw?: true;
  readonly json?: true;
}

/** Whether each entry is printed whole, and not what a reader sees of it. */
function isWhole({ raw, json }: TailOptions): boolean {
  return raw === true || json === true;
}

type Print = (entries: readonly Entry[]) => Promise<void>;

async function follow(
  store: Store,
  log: LogKey,
  { position, committed }: { readonly position: number; readonly committed: number },
  print: Print,
): Promise<void> {
  const ended = new AbortController();
  const end = (): void => ended.abort();
  process.once("SIGINT", end).once("SIGTERM", end);
  say("Following; Ctrl-C ends it.");
  let seen = committed;
  try {
    for await (const wake of store.watch({ after: position }, ended.signal)) {
      // The position is the whole store's; what this log gained is told by the log itself.
      void wake;
      for await (const entries of storedAfter(store, log, seen)) {
        await print(entries);
        seen = entries.at(-1)!.seq;
      }
    }
  } catch (error) {
    throw isHoldfastError(error) && error.code === "cursor_ahead" ? wasDropped(log, error) : error;
  } finally {
    process.off("SIGINT", end).off("SIGTERM", end);
  }
}

/** The newest entries in the order in which they were stored; those that print nothing do not count, unless it is whole. */
async function lastStored(store: Store, log: LogKey, { committed, count, isWhole }: Last) {
  if (!isWhole) return await visibleTail(storedFromEnd(store, log, committed), { count, isFolded: false });
  if (count === 0) return [];
  const { entries } = await store.read({ log, order: "desc", after: committed + 1, limit: count });
  return entries.toReversed();
}

interface Last {
  readonly committed: number;
  readonly count: number;
  readonly isWhole: boolean;
}

async function* storedAfter(store: Store, log: LogKey, after: number): AsyncGenerator<readonly Entry[]> {
  for (let from = after; ;) {
    const { entries } = await store.read({ log, after: from, limit: pageSize });
    const last = entries.at(-1);
    if (last === undefined) return;
    yield entries;
    from = last.seq;
  }
}

const pageSize = 500;

function wasDropped({ session }: LogKey, cause: unknown): HoldfastError {
  return new HoldfastError({
    code: "session_dropped",
    message: `What was followed of session ${session} was removed meanwhile.`,
    next: "Run holdfast list to see what there is.",
    cause,
  });
}

function printerOf({ raw, json }: TailOptions, log: string): Print {
  if (raw === true) return (entries) => writeStored(entries.map(({ body }) => `${body}\n`).join(""));
  if (json === true)
    return (entries) =>
      write(entries.map((entry) => `${entryJson(entry, { schemaVersion, log })}\n`).join(""));
  const open = new Map<string, string>();
  return async (entries) => {
    for (const { body } of entries) await write(linesOf(body, open));
  };
}

/** A call is printed when it is made, so its result is a line of its own; `open` holds the names of calls without one. */
function linesOf(body: string, open: Map<string, string>): string {
  const layout = { style: stdoutStyle(), width: terminalWidth() };
  const lines = blocksOf(body).flatMap((block) => {
    if (block.kind === "call") open.set(block.id, block.name);
    if (block.kind !== "result") return terminalLines(block, "later", layout);
    const name = open.get(block.call);
    open.delete(block.call);
    return [resultLine(block, name, layout)];
  });
  return lines.map((line) => `${line.trimEnd()}\n`).join("");
}
