import { DatabaseSync, StatementSync } from "node:sqlite";
import { Connection } from "../../src/stores/postgres/connection.ts";

export interface StatementWatcher {
  readonly before: (sql: string) => void;
  readonly after: (sql: string) => void;
}

/**
 * Calls around each statement that this process runs from now on. It sits below the store, which does not know that it is
 * watched: what happens here, happens in the middle of a real transaction.
 */
export function watchStatements(watcher: StatementWatcher): void {
  watchFiles(watcher);
  watchServers(watcher);
}

function watchFiles({ before, after }: StatementWatcher): void {
  for (const name of ["run", "get", "all"] as const) {
    const original = StatementSync.prototype[name] as (...values: unknown[]) => unknown;
    Object.defineProperty(StatementSync.prototype, name, {
      configurable: true,
      value(this: StatementSync, ...values: unknown[]): unknown {
        before(this.sourceSQL);
        const result = original.apply(this, values);
        after(this.sourceSQL);
        return result;
      },
    });
  }
  const exec = Reflect.get(DatabaseSync.prototype, "exec") as (sql: string) => void;
  Object.defineProperty(DatabaseSync.prototype, "exec", {
    configurable: true,
    value(this: DatabaseSync, sql: string): void {
      before(sql);
      exec.call(this, sql);
      after(sql);
    },
  });
}

/** A statement that is a transaction of its own is told as one of three. */
function watchServers({ before, after }: StatementWatcher): void {
  const run = Reflect.get(Connection.prototype, "run") as Connection["run"];
  const open = new WeakSet<Connection>();
  Object.defineProperty(Connection.prototype, "run", {
    configurable: true,
    async value(
      this: Connection,
      ...statement: Parameters<Connection["run"]>
    ): ReturnType<Connection["run"]> {
      const [sql] = statement;
      if (sql.startsWith("BEGIN")) open.add(this);
      const isAlone = !open.has(this) && /\b(INSERT INTO|UPDATE|DELETE FROM)\b/.test(sql);
      if (sql === "COMMIT" || sql === "ROLLBACK") open.delete(this);
      if (isAlone) before("BEGIN");
      if (isAlone) after("BEGIN");
      before(sql);
      const result = await run.apply(this, statement);
      after(sql);
      if (isAlone) after("COMMIT");
      return result;
    },
  });
}
