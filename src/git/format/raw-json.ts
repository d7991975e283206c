import { fieldsOf } from "../../core/json.ts";

/** A JSON value that is written as it was read: numbers keep their spelling, objects their key order. */
export type RawValue = RawObject | RawNumber | RawSlice | readonly RawValue[] | string | boolean | null;

export type RawEntry = readonly [key: string, value: RawValue];

/** A number as it was spelled. */
export class RawNumber {
  readonly spelling: string;

  constructor(spelling: string) {
    this.spelling = spelling;
  }
}

/** A list that is kept as it stands in its text, since nobody looks into it and it may be huge. */
export class RawSlice {
  readonly spelling: string;
  /** Of the limit of values. */
  readonly cost: number;

  constructor(spelling: string, cost: number) {
    this.spelling = spelling;
    this.cost = cost;
  }
}

/** A JSON object that keeps key order, repeated keys and the spelling of numbers through a rewrite. */
export class RawObject {
  readonly entries: readonly RawEntry[];
  #byKey: ReadonlyMap<string, RawValue> | undefined;

  constructor(entries: readonly RawEntry[]) {
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
    if (this.entries.length < indexedFrom) return this.entries.findLast(([name]) => name === key)?.[1];
    this.#byKey ??= new Map(this.entries);
    return this.#byKey.get(key);
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
    return this.withAll(new Map([[key, value]]), order);
  }

  /** The same for many keys at once; one without a value is taken away. */
  withAll(changes: ReadonlyMap<string, RawValue | undefined>, order: readonly string[] = []): RawObject {
    const last = new Map(this.entries.map(([key], index) => [key, index]));
    const kept = this.entries.flatMap((entry, index): readonly RawEntry[] => {
      if (!changes.has(entry[0])) return [entry];
      const value = changes.get(entry[0]);
      return value === undefined || last.get(entry[0]) !== index ? [] : [[entry[0], value]];
    });
    const added = [...changes].filter(
      (change): change is [string, RawValue] => change[1] !== undefined && !last.has(change[0]),
    );
    return new RawObject(added.length === 0 ? kept : placed(kept, added, order));
  }

  without(keys: Iterable<string>): RawObject {
    const gone = new Set(keys);
    return new RawObject(this.entries.filter(([key]) => !gone.has(key)));
  }

  /** Plain fields whose values are still raw. */
  fields(): Record<string, RawValue> {
    return Object.fromEntries(this.entries);
  }
}

/** A plain value as a raw one. @throws TypeError for what JSON cannot hold */
export function rawOf(value: unknown): RawValue {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (value instanceof RawObject || value instanceof RawNumber || value instanceof RawSlice) return value;
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
  if (value instanceof RawSlice) return JSON.parse(value.spelling) as unknown;
  if (value instanceof RawObject) {
    return Object.fromEntries(value.entries.map(([key, item]) => [key, plainOf(item)]));
  }
  return Array.isArray(value) ? value.map((item) => plainOf(item as RawValue)) : value;
}

/** Whether both are spelled alike: numbers, and objects in the order of their keys. */
export function isSameValue(a: RawValue, b: RawValue): boolean {
  if (a === b) return true;
  if (a instanceof RawNumber) return b instanceof RawNumber && a.spelling === b.spelling;
  if (a instanceof RawSlice) return b instanceof RawSlice && a.spelling === b.spelling;
  if (a instanceof RawObject) return b instanceof RawObject && isSameObject(a, b);
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
  return a.every((item, index) => isSameValue(item as RawValue, b[index] as RawValue));
}

// Fewer are found sooner without an index.
const indexedFrom = 32;

function isSameObject({ entries }: RawObject, other: RawObject): boolean {
  return (
    entries.length === other.entries.length &&
    entries.every(([key, value], index) => {
      const [otherKey, otherValue] = other.entries[index]!;
      return key === otherKey && isSameValue(value, otherValue);
    })
  );
}

/** Puts new entries behind the last of those that go before them in `order`; what has no place in it comes last. */
function placed(
  entries: readonly RawEntry[],
  added: readonly RawEntry[],
  order: readonly string[],
): RawEntry[] {
  // Of a key that is named twice the first place counts.
  const ranks = new Map(order.map((key, rank) => [key, rank] as const).toReversed());
  const ranked = (given: readonly RawEntry[]): { rank: number; at: number }[] =>
    given
      .map(([key], at) => ({ rank: ranks.get(key) ?? order.length, at }))
      .toSorted((a, b) => a.rank - b.rank);
  const behind = new Map<number, RawEntry[]>();
  const stored = ranked(entries);
  let [at, next] = [-1, 0];
  for (const one of ranked(added)) {
    for (; next < stored.length && stored[next]!.rank < one.rank; next += 1)
      at = Math.max(at, stored[next]!.at);
    const place = one.rank === order.length ? entries.length - 1 : at;
    behind.set(place, behind.get(place) ?? []);
    behind.get(place)!.push(added[one.at]!);
  }
  return [
    ...(behind.get(-1) ?? []),
    ...entries.flatMap((entry, index) => [entry, ...(behind.get(index) ?? [])]),
  ];
}
