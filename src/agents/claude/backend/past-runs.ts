import type { Turn } from "../../../core/agent.ts";
import { type ProcessIdentity, readEvent, type RunEvent } from "../../../core/event.ts";
import { type Fields, objectIn, textOf } from "../../../core/json.ts";
import { discardedLog, eventLog, type Run, type RunState } from "../../../core/run.ts";

/** What the session's earlier runs tell of how it is to go on. */
export interface Past {
  /** What the newest of them began with, setting by setting. */
  readonly settings: Fields;
  /** The processes that did their work, the newest first. */
  readonly processes: readonly ProcessIdentity[];
  /**
   * How the newest of them ended that has left something: one that was discarded, of which nothing is to come back, or
   * else one that had a process. One that was stopped before that says nothing of those before it.
   */
  readonly last?: RunState;
  /** Those that had a process and were interrupted since one that had a process ended otherwise, the oldest first. */
  readonly interrupted: readonly Run[];
  /** What the SDK calls the session, where no run has said so: it was imported, or kept by the SDK itself. */
  readonly sessionId?: string;
}

/** Reads the beginnings of a session's last runs, as far back as one that had a process and was not discarded. */
export async function readPast(turn: Pick<Turn, "session" | "run" | "store">): Promise<Past> {
  const processes = new Map<string, ProcessIdentity>();
  let settings: Fields = {};
  let isNamed = false;
  /** The newest first. */
  const left: Run[] = [];
  for await (const runs of earlierRuns(turn)) {
    for (const run of runs) {
      const told = await beginningOf(turn, run);
      for (const process of told.processes) processes.set(`${process.pid} ${process.started}`, process);
      const isDiscarded = run.state === "discarded";
      if (isDiscarded || told.processes.length > 0) left.push(run);
      if (isDiscarded) continue;
      settings = { ...told.settings, ...settings };
      isNamed ||= told.isNamed;
    }
    if (Object.keys(settings).length > 0) break;
  }
  // One that a run has named and that is not to be gone on with was cleared.
  const sessionId = isNamed ? undefined : await sessionIdIn(turn);
  const [newest] = left;
  const end = left.findIndex(({ state }) => state !== "interrupted");
  return {
    settings,
    processes: [...processes.values()],
    interrupted: left.slice(0, end === -1 ? undefined : end).toReversed(),
    ...(newest !== undefined && { last: newest.state }),
    ...(sessionId !== undefined && { sessionId }),
  };
}

/** The processes that events tell of. */
export function processesIn(events: readonly RunEvent[]): readonly ProcessIdentity[] {
  return events.flatMap((event) =>
    event.type === "status" && event.replayed !== true ? (event.process ?? []) : [],
  );
}

const runsAtATime = 8;
const pageSize = 64;

/** All but the turn's own, the newest first. */
async function* earlierRuns({
  session,
  run,
  store,
}: Pick<Turn, "session" | "run" | "store">): AsyncGenerator<readonly Run[]> {
  let cursor: string | undefined;
  do {
    const page = await store.runs({ session, limit: runsAtATime, ...(cursor !== undefined && { cursor }) });
    yield page.runs.filter(({ id }) => id !== run);
    cursor = page.cursor;
  } while (cursor !== undefined);
}

interface Beginning extends Pick<Past, "settings" | "processes"> {
  /** It tells what the SDK calls the session. */
  readonly isNamed: boolean;
}

/** As far as the first page on which the run itself says what it runs with. */
async function beginningOf(
  { session, store }: Pick<Turn, "session" | "store">,
  run: Run,
): Promise<Beginning> {
  const name = eventLog(run.id);
  const log = { ...session, log: run.state === "discarded" ? discardedLog(run.id, name) : name };
  let after = 0;
  for (;;) {
    const { entries, committed } = await store.read({ log, after, limit: pageSize });
    const events = entries.flatMap(({ body }) => {
      const read = readEvent(body);
      return "event" in read && read.event.replayed !== true ? [read.event] : [];
    });
    const processes = processesIn(events);
    const told = events.flatMap((event) => (event.type === "status" ? (event.settings ?? []) : []));
    const settings = Object.assign({}, ...told) as Fields;
    const isNamed = events.some((event) => event.type === "status" && event.resume !== undefined);
    if (processes.length > 0 || told.length > 0) return { processes, settings, isNamed };
    after = entries.at(-1)?.seq ?? committed;
    if (after >= committed) return { processes: [], settings: {}, isNamed: false };
  }
}

// Entries of Holdfast's own and of the SDK's own notes have none.
async function sessionIdIn({ session, store }: Pick<Turn, "session" | "store">): Promise<string | undefined> {
  const { entries } = await store.read({ log: { ...session, log: "" }, order: "desc", limit: pageSize });
  return entries.map(({ body }) => textOf(objectIn(body)?.["sessionId"])).find((id) => id !== undefined);
}
