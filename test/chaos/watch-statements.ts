import { DatabaseSync, StatementSync } from "node:sqlite";

export interface StatementWatcher {
  readonly before: (sql: string) => void;
  readonly after: (sql: string) => void;
}

/**
 * Calls around each statement that this process runs from now on. It sits below the store, which does not know that it is
 * watched: what happens here, happens in the middle of a real transaction.
 */
export function watchStatements({ before, after }: StatementWatcher): void {
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
