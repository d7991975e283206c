import type { Store } from "../../../core/store.ts";

/** Replaces some verbs of a store by ones that break a rule. */
export type Sabotage = (store: Store) => Partial<Store>;

/** By the rule that is broken: the group of tests that must notice, and the break. */
export type Breaks = Readonly<Record<string, readonly [group: string, sabotage: Sabotage]>>;
