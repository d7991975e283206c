import type { ScriptedToolCall } from "../../src/agents/scripted/index.ts";
import type { StepEffect } from "../../src/core/steps.ts";
import { check } from "./model.ts";
import type { Random } from "./random.ts";

/** Where tools take effect: it remembers all of them, whatever becomes of the process that asked. */
export class World {
  readonly #random: Random;
  readonly #effects = new Map<string, { readonly key: string; count: number }>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** One call of a tool. @throws Violation, and at times the tool's own error, after or before its effect */
  act({ session, name, key, ask }: ScriptedToolCall): string {
    const id = `${session.session}/${name}`;
    const done = this.#effects.get(id);
    const effect = name.split("_")[0] as StepEffect;
    check(
      done === undefined || done.key === key,
      `42: ${id} was done with the key ${done?.key}, then ${key}`,
    );
    check(done === undefined || effect !== "unsafe", `42: the unsafe step ${id} was done twice`);
    check(!ask || effect === "query", `42: the step ${id} was to be asked for`);
    if (done !== undefined && effect === "query") return `${name} was done.`;
    if (this.#random.chance(0.05)) throw new Error(`${name} could not begin`);
    if (done === undefined) this.#effects.set(id, { key, count: 1 });
    else done.count += 1;
    if (this.#random.chance(0.05)) throw new Error(`${name} failed`);
    return `${name} is done.`;
  }
}
