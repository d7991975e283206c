import type { SessionKey } from "../../src/core/ids.ts";
import type { Input, InputState } from "../../src/core/input.ts";
import { eventLog, type Run, type RunState } from "../../src/core/run.ts";
import type { Change, Store } from "../../src/core/store.ts";
import { check, idOf, type Model, type ModelSession } from "./model.ts";

/** A reader that looks at everything public after every write, and knows from the model what it must see. */
export class Reader {
  readonly #store: Store;
  readonly #model: Model;
  readonly #nowMs: () => number;
  readonly #inputs = new Map<string, Input>();
  readonly #runs = new Map<string, Run>();
  readonly #appended = new Map<string, number>();
  #position = 0;

  constructor({ store, model, nowMs }: ReaderParams) {
    this.#store = store;
    this.#model = model;
    this.#nowMs = nowMs;
  }

  get position(): number {
    return this.#position;
  }

  /** Looks at one session, and at what is told of it in the feed. @throws Violation */
  async look(key: SessionKey, { closely }: { readonly closely: boolean }): Promise<void> {
    const session = this.#model.session(key);
    const changes = await this.#feed();
    await this.#row(session, closely);
    await this.#logs(session, closely);
    // What is staged tells nothing of itself; that it changes nothing else is looked at closely now and then.
    if (closely || changes.length > 0) await this.#work(session, changes);
    if (closely) await this.#ledgers(session);
  }

  async #feed(): Promise<readonly Change[]> {
    const { changes, position } = await this.#store.changes({ after: this.#position, limit: 1000 });
    for (const change of changes) {
      check(
        change.seq === (this.#position += 1),
        `64: the feed goes from ${this.#position} to ${change.seq}`,
      );
      if (change.kind === "dropped") this.#forget(change);
      if (change.kind === "appended") this.#follow(change);
    }
    check(position === this.#position, `64: the feed stands at ${position}, and gave ${this.#position}`);
    return changes;
  }

  #forget(key: SessionKey): void {
    for (const log of this.#appended.keys()) if (log.startsWith(`${idOf(key)}\n`)) this.#appended.delete(log);
    for (const [id, input] of this.#inputs) if (idOf(input) === idOf(key)) this.#inputs.delete(id);
    for (const [id, run] of this.#runs) if (idOf(run) === idOf(key)) this.#runs.delete(id);
  }

  #follow(change: Change): void {
    const log = `${idOf(change)}\n${change.log}`;
    const last = this.#appended.get(log) ?? 0;
    check(change.from === last + 1, `64: the feed of ${change.log} goes from ${last} to ${change.from}`);
    this.#appended.set(log, change.to!);
  }

  async #row(session: ModelSession, closely: boolean): Promise<void> {
    const { key, visible, logs, revision, resumeToken } = session;
    const row = await this.#store.session(key);
    check((row !== null) === visible, `1: the session ${key.session} is ${row ? "" : "in"}visible too early`);
    const page = await this.#store.sessions({ filter: { sessionPrefix: key.session } });
    check(page.sessions.length === (visible ? 1 : 0), `7: the list and the session ${key.session} differ`);
    if (row === null) return;
    let entries = 0;
    for (const [name, log] of logs) if (!name.startsWith("@")) entries += log.visible.length;
    check(row.entries === entries, `1: the row counts ${row.entries} entries, and ${entries} are committed`);
    check(row.mainHead === (logs.get("")?.visible.length ?? 0), `1: the row's head is ${row.mainHead}`);
    check(row.revision === revision, `10: the revision is ${row.revision} after ${revision} commits`);
    check(row.resumeToken === resumeToken, `1: the resume token is ${row.resumeToken}, not ${resumeToken}`);
    if (closely) check(same(page.sessions[0], row), `7: the list and the row of ${key.session} differ`);
  }

  async #logs({ key, logs }: ModelSession, closely: boolean): Promise<void> {
    const rows = await this.#store.logs(key);
    let count = 0;
    for (const { visible } of logs.values()) if (visible.length > 0) count += 1;
    check(rows.length === count, `1: ${rows.length} logs are seen, and ${count} are committed`);
    for (const [log, { visible }] of logs) {
      const row = rows.find((one) => one.log === log);
      check(
        (row?.head ?? 0) === visible.length && (row?.committed ?? 0) === visible.length,
        `1: the log "${log}" shows ${row?.head ?? 0} of ${visible.length} committed entries`,
      );
      if (closely || visible.length === 0) await this.#entries({ ...key, log }, visible);
    }
  }

  async #entries(log: SessionKey & { readonly log: string }, visible: readonly string[]): Promise<void> {
    const { entries, head, committed } = await this.#store.read({ log });
    check(
      head === visible.length && committed === head && entries.length === head,
      `1: a read of "${log.log}" gave ${entries.length} entries up to ${committed} of ${head}, not ${visible.length}`,
    );
    for (const [index, { seq, body }] of entries.entries()) {
      check(seq === index + 1, `55: the entry ${index + 1} of "${log.log}" has the seq ${seq}`);
      check(body === visible[index], `53: the entry ${seq} of "${log.log}" is not what was committed`);
    }
  }

  async #work(session: ModelSession, changes: readonly Change[]): Promise<void> {
    const { key } = session;
    const told = new Set(changes.map(({ kind, of }) => `${kind} ${of}`));
    const [inputs, { runs }] = [
      await this.#store.inputs({ session: key, limit: 1000 }),
      await this.#store.runs({ session: key, limit: 1000 }),
    ];
    for (const run of runs) this.#followRun(run, told);
    const open = runs.filter(({ state }) => state === "running" || state === "held");
    check(open.length <= 1, `32: ${key.session} has ${open.length} open runs`);
    check(open[0]?.id === session.open, `32: the open run is ${open[0]?.id}, not ${session.open}`);
    for (const input of inputs) {
      const own = runs.filter((run) => run.input === input.id);
      this.#followInput(input, own);
    }
    const keys = new Set(inputs.map((input) => input.key));
    check(keys.size === inputs.length, `25: ${inputs.length} inputs have ${keys.size} keys`);
    const counted = inputs.length + runs.length;
    check(!session.dropped || counted === 0, `60: a dropped session has ${counted} inputs and runs`);
  }

  #followRun(run: Run, told: ReadonlySet<string>): void {
    const before = this.#runs.get(run.id);
    this.#runs.set(run.id, run);
    if (before?.state === run.state) return;
    const legal = before === undefined ? ["running"] : nextOfRun[before.state];
    check(legal.includes(run.state), `28: the run ${run.id} went from ${before?.state} to ${run.state}`);
    check(told.has(`run ${run.id}`), `64: the feed does not tell that ${run.id} is ${run.state}`);
    check(
      (run.receipt !== undefined) === (run.state === "committed"),
      `24: the run ${run.id} is ${run.state}, and its receipt says otherwise`,
    );
  }

  #followInput(input: Input, runs: readonly Run[]): void {
    const before = this.#inputs.get(input.id);
    this.#inputs.set(input.id, input);
    if (before !== undefined && before.state !== input.state)
      check(
        nextOfInput[before.state].includes(input.state),
        `36: the input ${input.id} went from ${before.state} to ${input.state}`,
      );
    const { id, state, attempts } = input;
    check(attempts <= 3, `35: the input ${id} was tried ${attempts} times`);
    const begun = attempts + (this.#model.putBack.get(id) ?? 0);
    check(begun === runs.length, `34: the input ${id} had ${runs.length} runs in ${attempts} attempts`);
    const committed = runs.filter((run) => run.state === "committed").length;
    const wanted = state === "consumed" ? 1 : 0;
    check(committed === wanted, `36: the input ${id} is ${state} with ${committed} committed runs`);
    const open = runs.find((run) => run.state === "running" || run.state === "held");
    check((open !== undefined) === (state === "running"), `32: the input ${id} is ${state} with ${open?.id}`);
    check(open === undefined || open.id === input.run, `33: the input ${id} names the run ${input.run}`);
  }

  async #ledgers({ key, logs, open, lease }: ModelSession): Promise<void> {
    const counted = [...this.#model.usage.values()].filter(({ session }) => session === idOf(key));
    const [group] = await this.#store.usage({ by: "project", session: key });
    const [responses, input] = [group?.responses ?? 0, group?.tokens.input ?? 0];
    const tokens = counted.reduce((sum, { row }) => sum + row.tokens.input, 0);
    check(
      responses === counted.length && input === tokens,
      `2: ${responses} responses with ${input} tokens are counted, not ${counted.length} with ${tokens}`,
    );
    const live = await this.#store.lease(key);
    check(
      live === null
        ? lease.untilMs <= this.#nowMs()
        : same([live.epoch, live.untilMs], [lease.epoch, lease.untilMs]),
      `17: the lease ${JSON.stringify(live)} is not ${JSON.stringify(lease)}`,
    );
    for (const run of this.#runs.values())
      if (idOf(run) === idOf(key)) this.#shows(run, logs.get(eventLog(run.id))?.visible ?? []);
    check(open === undefined || this.#runs.has(open), `32: the open run ${open} is not listed`);
  }

  #shows({ id, state, receipt, outcome }: Run, events: readonly string[]): void {
    const shown = state === "committed" || state === "interrupted";
    check(shown || events.length === 0, `1: the run ${id} is ${state}, and its events are seen`);
    if (receipt === undefined) return;
    check(same(this.#model.receipts.get(id), receipt), `21: the receipt of ${id} is not the one it gave`);
    check(outcome !== undefined, `24: ${id} has no outcome`);
  }

  /** What the reader knows, once all is over. */
  get inputs(): readonly Input[] {
    return [...this.#inputs.values()];
  }

  get runs(): readonly Run[] {
    return [...this.#runs.values()];
  }
}

interface ReaderParams {
  readonly store: Store;
  readonly model: Model;
  readonly nowMs: () => number;
}

const nextOfRun: Readonly<Record<RunState, readonly RunState[]>> = {
  running: ["held", "committed", "interrupted", "discarded"],
  held: ["committed", "interrupted", "discarded"],
  committed: [],
  interrupted: [],
  discarded: [],
};

const nextOfInput: Readonly<Record<InputState, readonly InputState[]>> = {
  queued: ["running", "cancelled"],
  running: ["consumed", "queued", "cancelled", "abandoned"],
  consumed: [],
  cancelled: [],
  abandoned: [],
};

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
