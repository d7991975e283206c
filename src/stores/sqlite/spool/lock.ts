import { HoldfastError } from "../../../core/errors.ts";
import { Connection } from "../connection.ts";
import { isBusy } from "../errors.ts";

/**
 * Makes this the one process that ships a spool: two would send one log's batches in any order. The lock is that of a
 * file of its own, so that others may look into the spool, and it ends with the process, however that ends.
 *
 * @throws store_busy
 */
export function lockSpool(path: string): Disposable {
  const connection = new Connection({ path, busyTimeoutMs: 0 });
  try {
    connection.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    connection.close();
    throw isBusy(error) ? taken(path, error) : error;
  }
  return { [Symbol.dispose]: () => connection.close() };
}

function taken(path: string, cause: unknown): HoldfastError {
  return new HoldfastError({
    code: "store_busy",
    message: `Another process uses the spool: ${path}.`,
    next: "Give each process a folder of its own, or end the other one.",
    data: { path },
    cause,
    retryable: true,
  });
}
