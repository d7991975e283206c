import { feedHole } from "./checks.ts";
import type { Change } from "./store.ts";

/** A change as a database keeps it. */
export interface ChangeRow {
  /** The feed's last seq at the time of the read. */
  readonly position: number;
  readonly seq: number;
  readonly atMs: number;
  readonly kind: Change["kind"];
  readonly project: string;
  readonly session: string;
  readonly log: string | null;
  readonly first: number | null;
  readonly last: number | null;
  readonly of: string | null;
}

/** The changes of a page of rows that follows `after`. @throws store_corrupt where one is missing */
export function changesOf(rows: readonly ChangeRow[], after: number): readonly Change[] {
  const hole = rows.findIndex(({ seq }, index) => seq !== after + index + 1);
  if (hole !== -1) throw feedHole(after + hole + 1);
  return rows.map(changeOf);
}

function changeOf({ position: _, log, first, last, of, ...row }: ChangeRow): Change {
  return {
    ...row,
    ...(log === null ? {} : { log }),
    ...(first === null || last === null ? {} : { from: first, to: last }),
    ...(of === null ? {} : { of }),
  };
}
