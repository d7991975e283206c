/** A map that makes its values, and forgets those that were used longest ago once it holds too many. */
export class RecentMap<Value> {
  readonly #values = new Map<string, Value>();
  readonly #params: RecentMapParams<Value>;

  constructor(params: RecentMapParams<Value>) {
    this.#params = params;
  }

  /** The value of a key, made where there is none, and used now. */
  use(key: string, make: () => Value): Value {
    const value = this.#values.get(key) ?? make();
    // A map keeps the order of insertion: the one that was used longest ago comes first.
    this.#values.delete(key);
    this.#forgetOldest();
    this.#values.set(key, value);
    return value;
  }

  values(): Value[] {
    return [...this.#values.values()];
  }

  #forgetOldest(): void {
    const { max, isFree } = this.#params;
    for (const [key, value] of this.#values) {
      if (this.#values.size < max) return;
      if (isFree(value)) this.#values.delete(key);
    }
  }
}

export interface RecentMapParams<Value> {
  readonly max: number;
  /** Whether a value may be forgotten now. */
  readonly isFree: (value: Value) => boolean;
}
