import { fieldsOf } from "../../core/json.ts";

/** A JSON value that is written as it was read: numbers keep their spelling, objects their key order. */
export type RawValue = RawObject | RawNumber | readonly RawValue[] | string | boolean | null;

/** A number as it was spelled. */
export class RawNumber {
  readonly spelling: string;

  constructor(spelling: string) {
    this.spelling = spelling;
  }
}

/** A JSON object that keeps key order, repeated keys and the spelling of numbers through a rewrite. */
export class RawObject {
  readonly entries: readonly (readonly [key: string, value: RawValue])[];

  constructor(entries: readonly (readonly [key: string, value: RawValue])[]) {
    this.entries = entries;
  }

  /** An object of plain values; a field that is undefined is left out. */
  static of(fields: Readonly<Record<string, unknown>>): RawObject {
    return new RawObject(
      Object.entries(fields).flatMap(([key, value]) => (value === undefined ? [] : [[key, rawOf(value)]])),
    );
  }

  get keys(): readonly string[] {
    return this.entries.map(([key]) => key);
  }

  /** The value of a key, of a repeated one the last, as other readers of JSON have it. */
  get(key: string): RawValue | undefined {
    return this.entries.findLast(([name]) => name === key)?.[1];
  }

  text(key: string): string | undefined {
    const value = this.get(key);
    return typeof value === "string" ? value : undefined;
  }

  number(key: string): number | undefined {
    const value = this.get(key);
    return value instanceof RawNumber ? Number(value.spelling) : undefined;
  }

  object(key: string): RawObject | undefined {
    const value = this.get(key);
    return value instanceof RawObject ? value : undefined;
  }

  /** The values of a list; none where there is no list, as `null` stands for an empty one. */
  list(key: string): readonly RawValue[] {
    const value = this.get(key);
    return Array.isArray(value) ? (value as readonly RawValue[]) : [];
  }

  /** The texts of a list. */
  texts(key: string): string[] {
    return this.list(key).filter((value) => typeof value === "string");
  }

  /** With a value for a key: where the key is, else behind the last of the keys that go before it in `order`, else at the end. */
  with(key: string, value: RawValue, order: readonly string[] = []): RawObject {
    const at = this.entries.findLastIndex(([name]) => name === key);
    if (at !== -1) {
      const replaced = this.entries.with(at, [key, value]);
      return new RawObject(replaced.filter(([name], index) => name !== key || index === at));
    }
    return new RawObject(this.entries.toSpliced(this.#placeOf(key, order), 0, [key, value]));
  }

  without(keys: Iterable<string>): RawObject {
    const gone = new Set(keys);
    return new RawObject(this.entries.filter(([key]) => !gone.has(key)));
  }

  /** Plain fields whose values are still raw. */
  fields(): Record<string, RawValue> {
    return Object.fromEntries(this.entries);
  }

  #placeOf(key: string, order: readonly string[]): number {
    const rank = order.indexOf(key);
    if (rank === -1) return this.entries.length;
    const earlier = new Set(order.slice(0, rank));
    return this.entries.findLastIndex(([name]) => earlier.has(name)) + 1;
  }
}

/** A plain value as a raw one. @throws TypeError for what JSON cannot hold */
export function rawOf(value: unknown): RawValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof RawObject || value instanceof RawNumber) return value;
  if (typeof value === "bigint") return new RawNumber(String(value));
  if (typeof value === "number" && Number.isFinite(value)) return new RawNumber(String(value));
  if (Array.isArray(value)) return value.map((item) => rawOf(item));
  const fields = fieldsOf(value);
  if (fields !== undefined) return RawObject.of(fields);
  throw new TypeError(`JSON cannot hold ${typeof value === "number" ? String(value) : `a ${typeof value}`}.`);
}

/** A raw value as a plain one; of a repeated key the last is kept, and numbers are as exact as JavaScript's. */
export function plainOf(value: RawValue): unknown {
  if (value instanceof RawNumber) return Number(value.spelling);
  if (value instanceof RawObject) {
    return Object.fromEntries(value.entries.map(([key, item]) => [key, plainOf(item)]));
  }
  return Array.isArray(value) ? value.map((item) => plainOf(item as RawValue)) : value;
}
