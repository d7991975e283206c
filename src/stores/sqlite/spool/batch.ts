import type { EntryInput } from "../../../core/entry.ts";
import type { SpoolBatch, SpooledBatch } from "../../../core/spool.ts";

/** A row of the spool that waits. */
export interface BatchRow {
  readonly id: number;
  readonly project: string;
  readonly session: string;
  readonly log: string;
  readonly name: string;
  readonly atMs: number;
  /** JSON of what the append said beside its entries. */
  readonly options: string;
  /** JSON arrays, and a body a line, which no body can break. */
  readonly times: string;
  readonly uuids: string | null;
  readonly bodies: string;
}

/** The columns of a batch's entries: its times, uuids and bodies. */
export function columnsOf(entries: readonly EntryInput[], now: number) {
  const times: number[] = [];
  const uuids: (string | null)[] = [];
  const bodies: string[] = [];
  let keyed = false;
  for (const { body, uuid, atMs } of entries) {
    keyed ||= uuid !== undefined;
    times.push(atMs ?? now);
    uuids.push(uuid ?? null);
    bodies.push(body);
  }
  return {
    times: JSON.stringify(times),
    uuids: keyed ? JSON.stringify(uuids) : null,
    bodies: bodies.join("\n"),
  };
}

/** What an append says beside its log and entries, as text. */
export function optionsOf({ provider, reopen, epoch, folds }: SpoolBatch): string {
  return JSON.stringify({ provider, reopen, epoch, folds });
}

/** The batch that a row stands for. */
export function batchOf({ id, project, session, log, name, atMs, options, ...row }: BatchRow): SpooledBatch {
  const times = JSON.parse(row.times) as readonly number[];
  const uuids = row.uuids === null ? [] : (JSON.parse(row.uuids) as readonly (string | null)[]);
  const entries = row.bodies.split("\n").map((body, at): EntryInput => {
    const uuid = uuids[at] ?? undefined;
    return { body, atMs: times[at]!, ...(uuid === undefined ? {} : { uuid }) };
  });
  const said = JSON.parse(options) as Omit<SpoolBatch, "log" | "entries">;
  return { ...said, id, name, atMs, log: { project, session, log }, entries };
}
