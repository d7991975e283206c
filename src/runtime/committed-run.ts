import { promptOf } from "../core/agent.ts";
import { readEvent } from "../core/event.ts";
import type { SessionKey } from "../core/ids.ts";
import { type Fields, textOf } from "../core/json.ts";
import { linksLog, readLink } from "../core/links.ts";
import { eventLog, type Run } from "../core/run.ts";
import type { Change, Store } from "../core/store.ts";

/** A run whose boundary is committed, with the commits of git that it made. */
export interface CommittedRun {
  readonly run: Run;
  readonly provider: string;
  /** What git has called them, shortened; each once. */
  readonly commits: readonly string[];
  /** The entries of the main log that it committed; undefined where it had none. */
  readonly main: { readonly from: number; readonly to: number } | undefined;
  readonly prompt: string;
  /** What it ran with, such as its folder and model. */
  readonly settings: Fields;
  /** What its agent calls the session. */
  readonly resumeToken: string | undefined;
}

/** The run whose boundary a change of the feed is, where it made commits; undefined of any other change. */
export async function committedRun(store: Store, change: Change): Promise<CommittedRun | undefined> {
  if (change.kind !== "run") return undefined;
  const run = await store.run({ run: change.of! });
  if (run?.state !== "committed") return undefined;
  const commits = await commitsOf(store, run);
  const parts = commits.length === 0 ? undefined : await partsOf(store, change, run);
  if (parts === undefined) return undefined;
  const main = parts.find(({ log }) => log === "");
  const [input] = await store.inputs({ input: run.input, limit: 1 });
  return {
    run,
    provider: input?.provider ?? "",
    commits,
    main: main === undefined ? undefined : { from: main.from!, to: main.to! },
    prompt: input === undefined ? "" : promptOf(input),
    ...(await beginningOf(store, run)),
  };
}

/** The session's transcript up to what a run committed, a line each; undefined where it was dropped since. */
export async function transcriptOf(
  store: Store,
  { run, main }: Pick<CommittedRun, "run" | "main">,
): Promise<string | undefined> {
  const log = { ...keyOf(run), log: "" };
  const row = (await store.logs(log)).find((one) => one.log === "");
  if (main === undefined || row === undefined || row.committed < main.to) return undefined;
  // One of the same name that began later is another one.
  if (row.createdAtMs > run.endedAtMs!) return undefined;
  const bodies: string[] = [];
  for await (const piece of store.scan({ log })) {
    for (const body of piece.slice(0, main.to - bodies.length)) bodies.push(body);
    if (bodies.length >= main.to) break;
  }
  return bodies.map((body) => `${body}\n`).join("");
}

/**
 * Only what the run itself was seen making: a link with an address comes from a push, which also takes the commits of
 * others.
 */
async function commitsOf(store: Store, run: Run): Promise<readonly string[]> {
  const log = { ...keyOf(run), log: linksLog };
  const commits = new Set<string>();
  for (let after = 0; ;) {
    const { entries } = await store.read({ log, after, limit: pageSize });
    for (const { body } of entries) {
      const { kind, run: by, commit, url } = readLink(body) ?? {};
      if (by === run.id && kind === "commit" && commit !== undefined && url === undefined)
        commits.add(commit);
    }
    if (entries.length < pageSize) return [...commits];
    after = entries.at(-1)!.seq;
  }
}

/** The changes that a boundary made with this one; undefined where this one is not the run's boundary, but its begin. */
async function partsOf(store: Store, change: Change, run: Run): Promise<readonly Change[] | undefined> {
  const parts: Change[] = [];
  let left = run.receipt!.entries;
  const first = Math.max(1, change.seq - mostBefore);
  for (let before = change.seq; left > 0 && before > first;) {
    const after = Math.max(first, before - pageSize) - 1;
    const { changes } = await store.changes({ after, limit: before - 1 - after });
    for (const each of changes.toReversed()) {
      if (left <= 0) break;
      if (!isOf(each, run)) continue;
      if (each.kind !== "appended" || each.atMs !== change.atMs) return undefined;
      parts.push(each);
      left -= each.to! - each.from! + 1;
    }
    before = after + 1;
  }
  return left === 0 && parts.some(({ log }) => log === eventLog(run.id)) ? parts : undefined;
}

function isOf({ project, session }: SessionKey, run: Run): boolean {
  return project === run.project && session === run.session;
}

async function beginningOf(store: Store, run: Run): Promise<Pick<CommittedRun, "settings" | "resumeToken">> {
  const log = { ...keyOf(run), log: eventLog(run.id) };
  let settings: Fields = {};
  let resumeToken: string | undefined;
  for (let after = 0; ;) {
    const { entries } = await store.read({ log, after, limit: pageSize });
    for (const { body } of entries) {
      const read = readEvent(body);
      if (!("event" in read) || read.event.type !== "status" || read.event.replayed === true) continue;
      settings = { ...settings, ...read.event.settings };
      resumeToken = read.event.resume ?? resumeToken;
    }
    const isTold = resumeToken !== undefined && textOf(settings["cwd"]) !== undefined;
    if (isTold || entries.length < pageSize) return { settings, resumeToken };
    after = entries.at(-1)!.seq;
  }
}

function keyOf({ project, session }: Run): SessionKey {
  return { project, session };
}

const pageSize = 500;
/** A boundary has a change for each log, and on a server those of others may stand between them. */
const mostBefore = 5000;
