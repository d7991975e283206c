import { writeSync } from "node:fs";
import type { Store } from "../../src/core/store.ts";
import type { CrashLine, CrashMoment, CrashPlan, CrashSubject } from "./crash-plan.ts";
import { watchStatements } from "./watch-statements.ts";
import { withVerbs } from "./with-verbs.ts";

export function say(line: CrashLine): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

/** Kills this process where its plan says: nothing of it runs on, no more than after a power cut. */
export class CrashPoints {
  readonly #plan: CrashPlan;
  readonly #counts = new Map<CrashSubject, number>();
  /** The statement of the next transaction to die at. */
  #statement: number | undefined;
  #seen = -1;

  constructor(plan: CrashPlan) {
    this.#plan = plan;
    if (typeof plan.crash?.at !== "object") return;
    watchStatements({ before: (sql) => this.#before(sql), after: (sql) => this.#after(sql) });
  }

  /** Does the next one of a kind, and dies around or inside it if it is the one. */
  async around<Result>(of: CrashSubject, act: () => Promise<Result>): Promise<Result> {
    const at = this.next(of);
    if (at === "before") this.#die(`before ${of}`);
    if (typeof at === "object") this.#statement = at.statement;
    const result = await act();
    if (at === "after") this.#die(`after ${of}`);
    return result;
  }

  /** The same of what is done at once. */
  aroundNow(of: CrashSubject, act: () => void): void {
    const at = this.next(of);
    if (at === "before") this.#die(`before ${of}`);
    act();
    if (at === "after") this.#die(`after ${of}`);
  }

  /** Counts one of a kind, and tells when to die if it is the one. */
  next(of: CrashSubject): CrashMoment | undefined {
    const count = (this.#counts.get(of) ?? 0) + 1;
    this.#counts.set(of, count);
    const { crash } = this.#plan;
    return crash?.of === of && crash.nth === count ? crash.at : undefined;
  }

  #die(where: string): void {
    say({ said: "dies", where });
    process.kill(process.pid, this.#plan.crash?.stopOnly === true ? "SIGSTOP" : "SIGKILL");
  }

  #before(sql: string): void {
    if (this.#statement === undefined) return;
    if (sql.startsWith("BEGIN")) this.#seen = 0;
    if (this.#seen >= 0 && this.#seen === this.#statement)
      this.#die(`in ${this.#subject}, before ${oneLine(sql)}`);
    if (this.#seen >= 0) this.#seen += 1;
  }

  #after(sql: string): void {
    if (this.#statement === undefined || this.#seen < 0) return;
    if (sql === "ROLLBACK") this.#seen = -1;
    if (sql === "COMMIT") this.#die(`after COMMIT of ${this.#subject}, before its answer`);
  }

  get #subject(): string {
    return this.#plan.crash?.of ?? "";
  }
}

/** The store of a process that is to die: says what was acknowledged, and dies around what it is asked. */
export function crashingStore(store: Store, plan: CrashPlan, points: CrashPoints): Store {
  let commits = 0;
  const verbs: Partial<Store> = {
    async admit(params) {
      const result = await points.around("admit", () => store.admit(params));
      const { session, key, id } = result.input;
      say({ said: "admitted", session, key, id });
      return result;
    },
    claim: (params) => points.around("claim", () => store.claim(params)),
    async append(params) {
      const result = await points.around(params.run === undefined ? "step" : "stage", () =>
        store.append(params),
      );
      const { session, log } = params.log;
      const bodies = params.entries.map(({ body }) => body);
      if (params.run === undefined) say({ said: "step", session, log, bodies });
      else say({ said: "staged", session, log, run: params.run, bodies });
      return result;
    },
    async commit(params) {
      commits += 1;
      if (commits === plan.refuseCommit) {
        const entries = [{ body: JSON.stringify({ type: "system", ofRun: params.run, late: true }) }];
        await store.append({ log: { ...params.session, log: "" }, entries, fence: params, run: params.run });
      }
      const result = await points.around("commit", () => store.commit(params));
      say({ said: "committed", run: params.run, receipt: result.receipt });
      return result;
    },
    endRun: (params) => points.around("endRun", () => store.endRun(params)),
    advance: (params) => points.around("advance", () => store.advance(params)),
    acquireLease: (params) => points.around("acquireLease", () => store.acquireLease(params)),
  };
  return withVerbs(store, verbs);
}

function oneLine(sql: string): string {
  return sql.trim().replaceAll(/\s+/g, " ").slice(0, 60);
}
