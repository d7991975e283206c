import { checkOpenRun } from "../../core/fence.ts";
import type { Tail, TailPart } from "../../core/run.ts";
import { runUnknown } from "../../core/work-checks.ts";
import type { Query } from "./client.ts";
import { type RunRow, runColumns, toRun } from "./run.ts";

/** What an open run has staged. */
export async function tail(query: Query, { run: id }: { readonly run: string }): Promise<Tail> {
  const [found] = await query<RunRow & { readonly staged: readonly StagedLog[] }>(tailSql, id);
  if (found === undefined) throw runUnknown(id);
  const { staged, ...row } = found;
  const { run } = toRun(row);
  return { run: checkOpenRun(run, id, run), parts: partsOf(sorted(staged)) };
}

/** A log with staged entries: their length, and the time of the last. */
export interface StagedLog extends TailPart {
  readonly logId: number;
  readonly length: number;
  readonly atMs: number;
}

/** As JSON the logs of a session with what they have staged; `sorted` gives them their order. */
export const stagedSql = (project: string, session: string): string => `
  (SELECT coalesce(json_agg(json_build_object('logId', l.id, 'log', l.name, 'from', l.committed + 1, 'to', l.head,
    'length', l.staged_length, 'atMs', l.updated_at_ms, 'sha256', (
      SELECT encode(sha256(convert_to(string_agg(c.bodies, E'\\n' ORDER BY c.first_seq) || E'\\n', 'UTF8')), 'hex')
      FROM hf.chunk c WHERE c.project = l.project AND c.session = l.session AND c.log_id = l.id
        AND c.first_seq > l.committed))), '[]')
   FROM hf.log l WHERE l.project = ${project} AND l.session = ${session} AND l.staged)`;

/** By the logs' names in code unit order, which is not the server's. */
export function sorted(staged: readonly StagedLog[]): readonly StagedLog[] {
  return staged.toSorted((a, b) => (a.log < b.log ? -1 : 1));
}

/** The same as the port shows it. */
export function partsOf(logs: readonly StagedLog[]): TailPart[] {
  return logs.map(({ log, from, to, sha256 }) => ({ log, from, to, sha256 }));
}

const tailSql = `SELECT ${runColumns}, ${stagedSql("run.project", "run.session")} AS staged FROM hf.run WHERE name = $1`;
