import type { Spool } from "../core/spool.ts";

/** The option that every command about a spool takes. */
export interface SpoolOption {
  readonly dir: string;
}

/** Opens a spool beside the program that ships it. @throws store_unreachable where there is none */
export async function withSpool<T>({ dir }: SpoolOption, use: (spool: Spool) => Promise<T>): Promise<T> {
  const { openSqliteSpool } = await import("../stores/sqlite/spool/index.ts");
  const spool = openSqliteSpool({ dir, shared: true });
  try {
    return await use(spool);
  } finally {
    await spool.close();
  }
}
