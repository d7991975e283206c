import { HoldfastError } from "../../core/errors.ts";
import { RawNumber, RawObject, RawSlice, type RawValue } from "./raw-json.ts";

/** How much JSON of a repository is read at all. */
export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Objects, lists, texts, numbers and the like, together; one that is only checked counts for 0.4. */
  readonly maxValues: number;
}

/**
 * Records of 112 MB with 1.3 million file names exist (specification, section 17), and attributions of 106 MB, which are
 * not taken apart (section 3.4). The worst that anybody can make of two million values, objects in objects, takes 650 MB
 * and 2.5 s of the processor (measured with Node 24 on 10 MB of text).
 */
export const metadataLimits: JsonLimits = {
  maxBytes: 128 * 1024 * 1024,
  maxDepth: 100,
  maxValues: 2_000_000,
};

/** Reads a JSON object. @throws checkpoint_damaged where the text holds anything else, or more than the limits allow */
export function parseObject(text: string | Uint8Array, limits: JsonLimits = metadataLimits): RawObject {
  const value = parseJson(text, limits);
  if (value instanceof RawObject) return value;
  throw damaged("holds no object");
}

/** Reads one JSON value. @throws checkpoint_damaged */
function parseJson(json: string | Uint8Array, limits: JsonLimits): RawValue {
  const bytes = typeof json === "string" ? Buffer.byteLength(json) : json.length;
  if (bytes > limits.maxBytes) throw damaged(`has ${bytes} bytes, and at most ${limits.maxBytes} are read`);
  const text =
    typeof json === "string" ? json : Buffer.from(json.buffer, json.byteOffset, json.length).toString();
  return new Parser(text, limits).whole();
}

class Parser {
  readonly #text: string;
  readonly #limits: JsonLimits;
  #at = 0;
  #values = 0;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  whole(): RawValue {
    const value = this.#value(0);
    this.#skipSpace();
    return this.#at === this.#text.length ? value : this.#fail("something stands behind the value");
  }

  #value(depth: number): RawValue {
    this.#count(depth, 1);
    switch (this.#next()) {
      case "{":
        return this.#object(depth);
      case "[":
        return this.#list(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): RawObject {
    const entries: [string, RawValue][] = [];
    this.#at += 1;
    if (this.#next() !== "}") {
      do {
        const key = this.#key();
        const isSliced = depth === 0 && slicedKeys.has(key) && this.#next() === "[";
        entries.push([key, isSliced ? this.#slice() : this.#value(depth + 1)]);
      } while (this.#hasComma());
    }
    this.#take("}");
    return new RawObject(entries);
  }

  #list(depth: number): RawValue[] {
    const values: RawValue[] = [];
    this.#at += 1;
    if (this.#next() !== "]") {
      do values.push(this.#value(depth + 1));
      while (this.#hasComma());
    }
    this.#take("]");
    return values;
  }

  #slice(): RawSlice {
    const [from, before] = [this.#at, this.#values];
    this.#skip(1);
    return new RawSlice(this.#text.slice(from, this.#at), this.#values - before);
  }

  /** Checks a value as if it were read, and keeps nothing of it. */
  #skip(depth: number): void {
    this.#count(depth, skippedCost);
    const open = this.#next();
    if (open === '"') return void this.#string();
    if (open !== "{" && open !== "[") return void this.#scalar();
    const end = open === "{" ? "}" : "]";
    this.#at += 1;
    if (this.#next() !== end) {
      do {
        if (open === "{") this.#key();
        this.#skip(depth + 1);
      } while (this.#hasComma());
    }
    this.#take(end);
  }

  #key(): string {
    if (this.#next() !== '"') this.#fail("a key is missing");
    const key = this.#string();
    this.#take(":");
    return key;
  }

  #count(depth: number, cost: number): void {
    if (depth > this.#limits.maxDepth) this.#fail(`it is nested deeper than ${this.#limits.maxDepth}`);
    this.#values += cost;
    if (this.#values > this.#limits.maxValues)
      this.#fail(`it has more than ${this.#limits.maxValues} values`);
  }

  // Decoded by the engine, which also refuses bare control characters and unknown escapes.
  #string(): string {
    const from = this.#at;
    let to = this.#text.indexOf('"', from + 1);
    while (to !== -1 && this.#isEscaped(to, from)) to = this.#text.indexOf('"', to + 1);
    if (to === -1) this.#fail("a text does not end");
    this.#at = to + 1;
    try {
      return JSON.parse(this.#text.slice(from, to + 1)) as string;
    } catch {
      this.#at = from;
      return this.#fail("a text is not written as JSON");
    }
  }

  #isEscaped(quote: number, from: number): boolean {
    let first = quote;
    while (first - 1 > from && this.#text.charCodeAt(first - 1) === backslash) first -= 1;
    return (quote - first) % 2 === 1;
  }

  #scalar(): RawValue {
    scalar.lastIndex = this.#at;
    const token = scalar.exec(this.#text)?.[0];
    if (token === undefined) return this.#fail("a value is missing");
    this.#at = scalar.lastIndex;
    if (token === "null") return null;
    return token === "true" || token === "false" ? token === "true" : new RawNumber(token);
  }

  #hasComma(): boolean {
    if (this.#next() !== ",") return false;
    this.#at += 1;
    return true;
  }

  #take(character: string): void {
    if (this.#next() !== character) this.#fail(`${character} is missing`);
    this.#at += 1;
  }

  #next(): string | undefined {
    this.#skipSpace();
    return this.#text[this.#at];
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at += 1;
  }

  #fail(fault: string): never {
    throw damaged(`is no JSON that can be read: at character ${this.#at} ${fault}`);
  }
}

/** Kept as they are and never computed (specification, section 3.4); they are up to 106 MB. */
const slicedKeys = new Set(["prompt_attributions"]);
// Checked in a third of the time, and kept for nothing.
const skippedCost = 0.4;
const backslash = 0x5c;
const scalar = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.+-])/y;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function damaged(fault: string): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_damaged",
    message: `The text ${fault}.`,
    next: "Run `holdfast git verify` to see what of the checkpoint is damaged.",
  });
}
