import type { Rows } from "./client.ts";

/** Rows with their 64-bit integers as numbers: libraries give them as text, or as the caller told them to. */
export function ownRows<Row>(rows: readonly object[], columns: readonly Column[], count: number): Rows<Row> {
  const longs = columns.filter(({ type }) => type === int8);
  const own = rows as Record<string, unknown>[];
  for (const { name } of longs) for (const row of own) if (row[name] !== null) row[name] = Number(row[name]);
  return Object.assign([...own] as Row[], { count });
}

/** A column of a result: its name and its type's OID. */
interface Column {
  readonly name: string;
  readonly type: number;
}

// https://www.postgresql.org/docs/current/catalog-pg-type.html
const int8 = 20;
