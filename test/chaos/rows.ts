import { DatabaseSync } from "node:sqlite";

/** Each row of each table of a file, by table. */
export function rowsOf(path: string): Readonly<Record<string, string>> {
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

/** The tables of which a row is other than it was. */
export function changedSince(before: Readonly<Record<string, string>>, path: string): readonly string[] {
  const now = rowsOf(path);
  return Object.keys(now).filter((name) => now[name] !== before[name]);
}
