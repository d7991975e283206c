import type { Run } from "../../src/core/run.ts";
import type { SessionRow, Store } from "../../src/core/store.ts";
import { runOf } from "./chaos-agent.ts";

/** A reader who polls all public reads all the while, and notes whatever he should not have seen. */
export class PollingReader {
  readonly faults: string[] = [];
  polls = 0;
  /** Polls that found a run open, with something visible or not. */
  during = 0;
  readonly #store: Store;
  readonly #project: string;
  readonly #sessions: readonly string[];
  /** Bodies by session, log and seq: what was seen once stays so. */
  readonly #seen = new Map<string, string>();
  readonly #ends = new Map<string, number>();
  readonly #usageKeys = new Set<string>();
  #position = 0;
  #stopped = false;

  constructor({ store, project, sessions }: PollingReaderParams) {
    this.#store = store;
    this.#project = project;
    this.#sessions = sessions;
  }

  /** Looks only at what comes from now on. */
  async begin(): Promise<void> {
    this.#position = (await this.#store.changes({ after: 0, limit: 1 })).position;
  }

  /** Polls until the work is done, and once more. */
  async beside<Result>(work: Promise<Result>): Promise<Result> {
    this.#stopped = false;
    const over = work.finally(() => (this.#stopped = true));
    over.catch(() => undefined);
    while (!this.#stopped) {
      await this.poll();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await this.poll();
    return await over;
  }

  async poll(): Promise<void> {
    this.polls += 1;
    // What a run used counts already while it waits for an operator, and is not to be seen yet.
    const heldBefore = await this.#isAnyHeld();
    const counted = await this.#countUsage();
    const isHeld = heldBefore || (await this.#isAnyHeld());
    await this.#pollChanges();
    for (const session of this.#sessions) await this.#pollSession(session);
    await this.#pollList();
    // Read before the entries: what is counted is visible by now.
    if (counted > this.#usageKeys.size && !isHeld)
      this.#fault(`${counted} responses are counted, and ${this.#usageKeys.size} are visible`);
  }

  /** Every body that was seen of a log, by its seq. */
  seen(session: string, log: string): ReadonlyMap<number, string> {
    const found = new Map<number, string>();
    for (const [id, body] of this.#seen) {
      const [of, name, seq] = JSON.parse(id) as [string, string, number];
      if (of === session && name === log) found.set(seq, body);
    }
    return found;
  }

  async #pollSession(session: string): Promise<void> {
    const key = { project: this.#project, session };
    const before = await this.#runs(session);
    const row = await this.#store.session(key);
    const logs = await this.#store.logs(key);
    const visible: { readonly log: string; readonly seq: number; readonly body: string }[] = [];
    const heads = new Map<string, number>();
    for (const { log, head, committed, ...rest } of logs) {
      if (head !== committed) this.#fault(`${session} ${log}: logs() shows head ${head} beyond ${committed}`);
      const after = this.#ends.get(`${session} ${log}`) ?? 0;
      const page = await this.#store.read({ log: { ...key, log }, after });
      if (page.head !== page.committed) this.#fault(`${session} ${log}: read() shows a head of its own`);
      if (page.head < head) this.#fault(`${session} ${log}: read() is behind logs(): ${page.head} < ${head}`);
      const tail = await this.#store.read({ log: { ...key, log }, order: "desc", limit: 3 });
      for (const { seq, body } of [...page.entries, ...tail.entries]) visible.push({ log, seq, body });
      heads.set(log, page.head);
      this.#ends.set(`${session} ${log}`, page.head);
      if (rest.length === 0) this.#fault(`${session} ${log}: is empty, and is shown`);
    }
    for await (const bodies of this.#store.scan({ log: { ...key, log: "" } }))
      bodies.forEach((body, index) => visible.push({ log: "", seq: index + 1, body }));
    const after = await this.#runs(session);
    for (const entry of visible) this.#check(session, entry, after);
    const published = logs.some(({ log }) => !log.startsWith("@") || log.startsWith("@run/"));
    if (published && (await this.#store.session(key)) === null)
      this.#fault(`${session}: has logs, and no row`);
    this.#checkRow(session, row, { before, after, heads });
    if (after.some(({ state }) => state === "running")) this.during += 1;
  }

  #check(
    session: string,
    { log, seq, body }: { log: string; seq: number; body: string },
    runs: readonly Run[],
  ): void {
    const id = JSON.stringify([session, log, seq]);
    const known = this.#seen.get(id);
    if (known !== undefined && known !== body) this.#fault(`${id}: was seen with another body`);
    if (known !== undefined) return;
    this.#seen.set(id, body);
    // The journal of an input's steps is no part of a run: it commits step by step.
    if (log.startsWith("@steps/")) return;
    const of = runOf(body);
    const run = runs.find(({ id: name }) => name === of);
    const states = log.startsWith("@discarded/") ? ["discarded"] : ["committed", "interrupted"];
    // The state was read after the entry: what became visible with its boundary is found ended here.
    if (run === undefined || !states.includes(run.state))
      this.#fault(`${id}: is visible, and its run ${of} is ${run?.state ?? "unknown"}`);
    const event = log.includes("@run/") ? (JSON.parse(body) as { type?: string; key?: string }) : {};
    if (event.type === "usage" && event.key !== undefined) this.#usageKeys.add(event.key);
  }

  /** Where nothing ended in between, the catalogue says exactly what the logs say. */
  #checkRow(session: string, row: SessionRow | null, seen: SeenSession): void {
    if (JSON.stringify(seen.before) !== JSON.stringify(seen.after) || row === null) return;
    const committed = seen.after.filter(({ state }) => state === "committed");
    const agents = [...seen.heads].filter(([log]) => !log.startsWith("@"));
    const entries = agents.reduce((sum, [, head]) => sum + head, 0);
    if (row.revision !== committed.length)
      this.#fault(`${session}: revision ${row.revision} after ${committed.length} committed runs`);
    if (row.entries !== entries || row.mainHead !== (seen.heads.get("") ?? 0))
      this.#fault(`${session}: the row tells ${row.entries} entries, the logs ${entries}`);
  }

  async #pollList(): Promise<void> {
    const { sessions } = await this.#store.sessions({ filter: { project: this.#project }, limit: 1000 });
    for (const { session } of sessions) {
      const row = await this.#store.session({ project: this.#project, session });
      if (row === null) this.#fault(`${session}: is in the list, and nowhere else`);
    }
  }

  async #isAnyHeld(): Promise<boolean> {
    return (await this.#store.runs({ state: "held", limit: 1 })).runs.length > 0;
  }

  async #countUsage(): Promise<number> {
    const groups = await this.#store.usage({ by: "session", project: this.#project });
    return groups.reduce((sum, { responses }) => sum + responses, 0);
  }

  /** The feed has no gap, and never leads what it tells of. */
  async #pollChanges(): Promise<void> {
    const { changes, position } = await this.#store.changes({ after: this.#position, limit: 1000 });
    for (const { seq, kind, project, session, log, from, to } of changes) {
      if (seq !== this.#position + 1) this.#fault(`the feed goes from ${this.#position} to ${seq}`);
      this.#position = seq;
      if (kind !== "appended" || project !== this.#project) continue;
      const page = await this.#store.read({ log: { project, session, log: log! }, after: from! - 1 });
      if (page.committed < to!) this.#fault(`change ${seq} tells of ${session} ${log} up to ${to}`);
    }
    if (position < this.#position) this.#fault(`the feed's position ${position} is behind its changes`);
  }

  async #runs(session: string): Promise<readonly Run[]> {
    return (await this.#store.runs({ session: { project: this.#project, session }, limit: 1000 })).runs;
  }

  #fault(text: string): void {
    if (this.faults.length < 20) this.faults.push(text);
  }
}

interface PollingReaderParams {
  readonly store: Store;
  readonly project: string;
  readonly sessions: readonly string[];
}

interface SeenSession {
  readonly before: readonly Run[];
  readonly after: readonly Run[];
  readonly heads: ReadonlyMap<string, number>;
}
