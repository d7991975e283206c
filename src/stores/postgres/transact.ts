import { endedTransaction, type Query, type Rows, type Value } from "./client.ts";

/** Runs the work in a transaction on a connection that nobody else uses meanwhile. */
export async function transact<Result>(
  { run, drop }: TransactParams,
  work: (query: Query) => Promise<Result>,
): Promise<Result> {
  let isOver = false;
  let failure: { readonly error: unknown } | undefined;
  const query: Query = async <Row extends object>(sql: string, ...values: readonly Value[]) => {
    if (isOver) throw endedTransaction();
    try {
      return (await run(false, sql, ...values)) as Rows<Row>;
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  };
  await run(false, "BEGIN ISOLATION LEVEL READ COMMITTED");
  try {
    const result = await work(query).finally(() => (isOver = true));
    // A statement that failed has undone all, whatever the work makes of it, and COMMIT is answered without an error then.
    if (failure !== undefined) throw failure.error;
    await run(true, "COMMIT");
    return result;
  } catch (error) {
    await run(false, "ROLLBACK").catch(drop);
    throw failure !== undefined && isConsequence(error) ? failure.error : error;
  }
}

// Of statements that were sent together one behind the one that failed may be noticed first.
function isConsequence(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "25P02";
}

export interface TransactParams {
  /** Runs a statement; the first value says whether it may be committed although no answer comes. */
  readonly run: (mayBeWritten: boolean, sql: string, ...values: readonly Value[]) => Promise<Rows<object>>;
  /** The connection may still be in the transaction. */
  readonly drop: () => void;
}
