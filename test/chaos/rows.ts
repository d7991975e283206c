import { DatabaseSync } from "node:sqlite";
import { rowsAt } from "../postgres/rows.ts";

/** Each row of each table of a store, by table. */
export async function rowsOf(place: string): Promise<Readonly<Record<string, string>>> {
  if (!place.startsWith("postgres:")) return rowsOfFile(place);
  const rows = Object.entries(await rowsAt(place));
  return Object.fromEntries(rows.map(([name, own]) => [name, JSON.stringify(own)]));
}

/** The tables of which a row is other than it was. */
export async function changedSince(
  before: Readonly<Record<string, string>>,
  place: string,
): Promise<readonly string[]> {
  const now = await rowsOf(place);
  return [...new Set([...Object.keys(before), ...Object.keys(now)])].filter(
    (name) => now[name] !== before[name],
  );
}

function rowsOfFile(path: string): Readonly<Record<string, string>> {
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    file.exec("BEGIN");
    const tables = file.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    return Object.fromEntries(
      tables.map(({ name }) => [name, JSON.stringify(file.prepare(`SELECT * FROM "${String(name)}"`).all())]),
    );
  } finally {
    file.close();
  }
}
