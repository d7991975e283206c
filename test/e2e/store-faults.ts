import { setTimeout as delay } from "node:timers/promises";
import type { AppendParams, AppendResult, Store } from "../../src/index.ts";

/** Decides what becomes of one append; `append` is the real one. */
export type Fault = (append: () => Promise<AppendResult>, params: AppendParams) => Promise<AppendResult>;

/** The same store, whose appends go wrong. */
export function withFault(store: Store, fault: Fault): Store {
  return new Proxy(store, {
    get: (target, name: keyof Store) => {
      if (name === "append")
        // Without the caller's signal: what it gave up may still land here, as on a slow network.
        return (params: AppendParams) =>
          fault(() => target.append({ ...params, signal: neverAborted }), params);
      const value: unknown = target[name];
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Rejects the first appends and passes the others on. */
export function rejectFirst(count: number): Fault {
  let rejected = 0;
  return async (append) => {
    if ((rejected += 1) > count) return append();
    throw new Error("The store refuses for now.");
  };
}

/** Lets the first append land late, and the others at once; `landed` resolves when it is there, or has failed. */
export function landLate({ delayMs }: { readonly delayMs: number }): { fault: Fault; landed: Promise<void> } {
  const { promise: landed, resolve } = Promise.withResolvers<void>();
  let first = true;
  const fault: Fault = async (append) => {
    if (!first) return append();
    first = false;
    await delay(delayMs);
    return append().finally(resolve);
  };
  return { fault, landed };
}

/** Never answers an append whose text says one of these things. */
export function hangOn(...texts: readonly string[]): Fault {
  return (append, { entries }) => {
    const hangs = entries.some(({ body }) => texts.some((text) => body.includes(text)));
    return hangs ? Promise.withResolvers<AppendResult>().promise : append();
  };
}

const neverAborted = new AbortController().signal;
