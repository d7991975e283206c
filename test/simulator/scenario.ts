import type { SessionKey } from "../../src/core/ids.ts";
import type { AdmitParams } from "../../src/core/input.ts";
import type { Random } from "./random.ts";

/** What is asked of the sessions in one schedule. */
export class Scenario {
  readonly sessions: readonly SessionKey[];
  readonly #random: Random;
  #tools = 0;

  constructor(random: Random) {
    this.#random = random;
    const names = random.chance(0.3) ? ["s1", "s2"] : ["s1"];
    this.sessions = names.map((session) => ({ project: "p", session }));
  }

  input(number: number): AdmitParams {
    const verbs = Array.from({ length: this.#random.pick([1, 1, 2, 3]) }, () => this.#verb(number));
    return {
      session: this.#random.pick(this.sessions),
      key: `key ${number}`,
      body: JSON.stringify({ prompt: verbs.join("; ") }),
      provider: "scripted",
      priority: this.#random.below(2),
    };
  }

  #verb(number: number): string {
    const draw = this.#random.next();
    if (draw < 0.3) return `say Word ${number}`;
    if (draw < 0.45) return `usage ${1 + this.#random.below(9)} 1`;
    if (draw < 0.6) return `slow ${this.#random.pick([10, 400, 1_500])}`;
    if (draw < 0.64) return "crash";
    if (draw < 0.68) return `fail Reason ${number}`;
    const effect = this.#random.pick(["idempotent", "query", "unsafe"] as const);
    // The name tells the world its class.
    const name = `${effect}_${(this.#tools += 1)}`;
    return `tool ${name} ${effect} ${this.#random.pick([0, 0, 50, 700])}`;
  }
}
