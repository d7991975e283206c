import type { Store } from "../core/store.ts";

/** A store that does some verbs in its own way, and hands the others to the one below. */
export function layered<Own extends Partial<Store>>(below: Store, own: Own): Store & Own {
  return new Proxy(below, {
    get(target, name) {
      const verb: unknown = Reflect.get(own, name);
      if (verb !== undefined) return verb;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  }) as Store & Own;
}
