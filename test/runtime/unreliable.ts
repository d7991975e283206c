import { HoldfastError } from "../../src/core/errors.ts";
import type { Store } from "../../src/core/store.ts";

/** A store over a line that a test can cut: before a call is made, or before its answer arrives. */
export interface Unreliable {
  readonly store: Store;
  /** Asked at each call: what becomes of it. */
  fate: (verb: string) => Fate;
  /** The calls that were made, by name. */
  readonly calls: string[];
}

export type Fate = "answered" | "not_made" | "answer_lost" | "hangs";

/** Puts a line before a store. */
export function unreliable(store: Store, fate: Unreliable["fate"] = () => "answered"): Unreliable {
  const line: Unreliable = { store: undefined as unknown as Store, fate, calls: [] };
  const proxy = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function" || name === "close" || name === "watch" || name === "scan")
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      return async (params: unknown) => {
        const verb = String(name);
        const becomes = line.fate(verb);
        if (becomes === "hangs") return new Promise(() => {});
        if (becomes === "not_made") throw down();
        line.calls.push(verb);
        const answer: unknown = await (value as (params: unknown) => Promise<unknown>).call(target, params);
        if (becomes === "answer_lost") throw down();
        return answer;
      };
    },
  });
  return Object.assign(line, { store: proxy });
}

function down(): HoldfastError {
  return new HoldfastError({
    code: "store_unreachable",
    message: "The line is down.",
    next: "Try again.",
    retryable: true,
  });
}
