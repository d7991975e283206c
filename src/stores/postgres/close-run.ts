import type { AuditRow } from "../../core/audit.ts";
import type { Fence } from "../../core/lease.ts";
import type { Input } from "../../core/input.ts";
import type { Run } from "../../core/run.ts";
import type { UsageRow } from "../../core/usage.ts";
import type { Query, Value } from "./client.ts";
import { nowSql } from "./in-session.ts";
import { numberOf } from "./input.ts";
import type { Published } from "./publish.ts";
import { addUsageSql, usageText } from "./record-usage.ts";
import type { StagedLog } from "./tail.ts";
import { updatedSql } from "./updated.ts";

/**
 * Ends or holds the session's open run with all that belongs to it, in one statement. False, with nothing written, where
 * the session has been written since its facts were read, or the lease has ended.
 */
export async function closeRun(query: Query, params: CloseRunParams): Promise<boolean> {
  const statement = new Statement(params);
  const { count } = await query(statement.text, ...statement.values);
  return count > 0;
}

export interface CloseRunParams extends Fence {
  /** The lane's, when the facts were read. */
  readonly version: number;
  readonly run: Run;
  readonly input: Input;
  /** The test's time, or null; and the time of what is written. */
  readonly now: number | null;
  readonly atMs: number;
  readonly publish?: PublishParams | undefined;
  readonly usage: readonly UsageRow[];
  readonly audit?: Pick<AuditRow, "actor" | "verb" | "reason"> | undefined;
}

interface PublishParams extends Published {
  readonly staged: readonly StagedLog[];
  readonly wasHidden: boolean;
  readonly revision: number;
  readonly resumeToken: string | undefined;
}

/** The parts that are needed, each of which depends on the lane's row. */
class Statement {
  readonly text: string;
  readonly values: Value[] = [];

  constructor(params: CloseRunParams) {
    const { run, publish, usage, audit } = params;
    this.#value(run.project);
    this.#value(run.session);
    const parts = [
      `lane AS (${this.#lane(params)})`,
      `run AS (${this.#run(params)})`,
      `input AS (${this.#input(params)})`,
      ...(publish === undefined ? [] : this.#publish(publish)),
      ...(usage.length === 0 ? [] : [`usage AS (${addUsageSql(this.#value(usageText(usage)), "lane, ")})`]),
      ...(audit === undefined ? [] : [`audit AS (${this.#audit(params, audit)})`]),
      `change AS (${this.#changes(params)})`,
    ];
    this.text = `WITH ${parts.join(",\n")} SELECT version FROM lane`;
  }

  #value(value: Value): string {
    return `$${this.values.push(value)}`;
  }

  #lane({ version, epoch, run, input, now }: CloseRunParams): string {
    const known = `version = ${this.#value(version)}`;
    const fence = `epoch = ${this.#value(epoch)} AND owner IS NOT NULL AND until_ms > ${nowSql(this.#value(now))}`;
    return `
      UPDATE hf.lane SET version = version + 1, owner = NULL, since_ms = 0, until_ms = 0,
        running = false ${run.state === "held" ? "" : `, open_run = NULL, ${this.#next(input)}`}
      ${ofSession} AND ${known} AND ${fence} RETURNING version`;
  }

  // The statement does not see what it does to the input itself.
  #next({ id, priority, state }: Input): string {
    const again = () =>
      `UNION ALL SELECT ${this.#value(numberOf(id))}::bigint, ${this.#value(priority)}::bigint`;
    return `
      (next_input, next_priority) = (
        SELECT id, priority FROM (
          (SELECT id, priority FROM hf.input ${ofSession} AND state = 'queued' ORDER BY priority DESC, id LIMIT 1)
          ${state === "queued" ? again() : ""}) q
        ORDER BY priority DESC, id LIMIT 1)`;
  }

  #run({ run }: CloseRunParams): string {
    const { state, endedAtMs = null, reason = null, outcome = null, receipt } = run;
    const set = this.#set({
      state,
      ended_at_ms: endedAtMs,
      reason,
      outcome,
      digest: receipt?.digest ?? null,
      receipt_entries: receipt?.entries ?? null,
      receipt_revision: receipt?.revision ?? null,
    });
    return `UPDATE hf.run r SET ${set} FROM lane ${ofSession} AND r.name = ${this.#value(run.id)}`;
  }

  #input({ input }: CloseRunParams): string {
    const { id, state, attempts, updatedAtMs, reason = null, cancelRequested = false } = input;
    const set = this.#set({
      state,
      attempts,
      updated_at_ms: updatedAtMs,
      reason,
      cancel_requested: cancelRequested,
    });
    return `UPDATE hf.input i SET ${set} FROM lane ${ofSession} AND i.id = ${this.#value(numberOf(id))}`;
  }

  #publish(publish: PublishParams): string[] {
    const { staged, wasHidden } = publish;
    return [
      `session AS (${this.#session(publish)})`,
      ...(staged.length > 0 ? [`log AS (${logSql})`] : []),
      ...(wasHidden ? [`tombstone AS (DELETE FROM hf.tombstone t USING lane ${ofSession})`] : []),
    ];
  }

  #session({ entries, length, atMs, mainHead, fold, revision, resumeToken }: PublishParams): string {
    const counts = `entries = s.entries + ${this.#value(entries)}, length = s.length + ${this.#value(length)}`;
    const times = updatedSql(`greatest(s.updated_at_ms, ${this.#value(atMs)}::bigint)`);
    const set = this.#set({
      revision,
      hidden: false,
      ...(mainHead === null ? {} : { main_head: mainHead }),
      ...(resumeToken === undefined ? {} : { resume_token: resumeToken }),
      ...(fold === undefined ? {} : columnsOf(fold)),
    });
    return `UPDATE hf.session s SET ${counts}, ${times}, ${set} FROM lane ${ofSession}`;
  }

  #audit(
    { atMs, run }: CloseRunParams,
    { actor, verb, reason }: NonNullable<CloseRunParams["audit"]>,
  ): string {
    const [at, by, what] = [this.#value(atMs), this.#value(actor), this.#value(verb)];
    return `
      INSERT INTO hf.audit (at_ms, actor, verb, project, session, run, reason)
      SELECT ${at}::bigint, ${by}, ${what}, $1, $2, ${this.#value(run.id)}, ${this.#value(reason ?? null)} FROM lane`;
  }

  #changes({ atMs, run, publish }: CloseRunParams): string {
    const appended = (publish?.staged ?? []).map(({ log, from, to }) => ({
      kind: "appended",
      log,
      from,
      to,
    }));
    const rows = JSON.stringify([...appended, { kind: "run", of: run.id }]);
    return `
      INSERT INTO hf.unnumbered (at_ms, kind, project, session, log, first_seq, last_seq, subject)
      SELECT ${this.#value(atMs)}::bigint, c.kind, $1, $2, c.log, c."from", c."to", c."of" FROM lane,
        jsonb_to_recordset(${this.#value(rows)}::text::jsonb) AS c (
          kind text, log text, "from" bigint, "to" bigint, "of" text)`;
  }

  #set(columns: Readonly<Record<string, Value>>): string {
    return Object.entries(columns)
      .map(([column, value]) => `${column} = ${this.#value(value)}`)
      .join(", ");
  }
}

function columnsOf({ summary, summaryHead, title }: NonNullable<Published["fold"]>): Record<string, Value> {
  return { summary, summary_head: summaryHead, title, title_folded: title?.toLowerCase() ?? null };
}

const ofSession = "WHERE project = $1 AND session = $2";
const logSql = `
  UPDATE hf.log l SET committed = l.head, length = l.length + l.staged_length, staged_length = 0
  FROM lane ${ofSession} AND l.staged`;
