import { looksLikeName, mayLookRandom, nextLongRun, randomRuns } from "./entropy.ts";
import type { OwnRules } from "./own-rules.ts";
import {
  couldBePassword,
  mark,
  nextHead,
  secretAt,
  secretKey,
  shortKey,
  signatureKey,
} from "./secret-patterns.ts";

/** Grows whenever more is redacted than before, so that what was redacted earlier is done again. */
export const redactionVersion = 4;

/** What is looked for beside the known forms of secrets. */
export interface RedactionOptions {
  /** Also whatever looks random: more than a person's view may want, and right for what others will read. */
  readonly entropy?: boolean;
  readonly own?: OwnRules | undefined;
  /** True for a string of JSON, as it is written, that no rule looks into; under the name of a secret it goes all the same. */
  readonly isKept?: ((literal: string) => boolean) | undefined;
}

/**
 * Replaces secrets in text for people: known key formats, tokens in headers and URLs, and what is assigned to a name like `password`.
 * The form of the text around a secret stays, so that the reader sees what stood there.
 */
export function redactText(text: string, { entropy = false, own }: RedactionOptions = {}): string {
  const known = redactKnown(text);
  const named = own === undefined ? known : own.redact(known, mark);
  return entropy ? redactRandom(named) : named;
}

/**
 * Replaces secrets in JSON text and leaves every other byte as it is: numbers, key order and white space survive.
 * The signatures of thinking blocks are never altered.
 */
export function redactJson(json: string, options: RedactionOptions = {}): string {
  const pieces: string[] = [];
  let [copied, outside] = [0, 0];
  let [keyFrom, keyTo, valueFrom] = [0, 0, -1];
  const line: Line = { json, escapes: new Escapes(json), options };
  const put = (from: number, to: number, redacted: string | undefined): void => {
    if (redacted === undefined) return;
    pieces.push(json.slice(copied, from), redacted);
    copied = to;
  };
  for (let from = json.indexOf('"'); from !== -1;) {
    const to = endOfString(json, from);
    put(outside, from, redactOutside(line, outside, from));
    const colon = afterSpace(json, to);
    if (json.charCodeAt(colon) === colonCode) {
      [keyFrom, keyTo, valueFrom] = [from + 1, to - 1, afterSpace(json, colon + 1)];
      put(from, to, redactKey(line, from, to));
    } else if (to - from > 2) {
      const key = valueFrom === from ? json.slice(keyFrom, keyTo) : undefined;
      put(from, to, redactLiteral(line, { from, to, key }, options));
    }
    outside = to;
    from = json.indexOf('"', to);
  }
  put(outside, json.length, redactOutside(line, outside, json.length));
  return pieces.length === 0 ? json : pieces.join("") + json.slice(copied);
}

interface Line {
  readonly json: string;
  readonly escapes: Escapes;
  readonly options: RedactionOptions;
}

interface StringValue {
  readonly from: number;
  readonly to: number;
  readonly key: string | undefined;
}

// Of what a name and a value make; numbers are mostly shorter.
const minSecretLength = 10;
const [backslashCode, colonCode] = [92, 58];

// A scanner by hand, because a regex over a string of 16 MB with escapes overflows the engine's backtrack stack.
function endOfString(json: string, open: number): number {
  let quote = json.indexOf('"', open + 1);
  while (quote !== -1 && isEscaped(json, quote)) quote = json.indexOf('"', quote + 1);
  return quote === -1 ? json.length : quote + 1;
}

function isEscaped(json: string, quote: number): boolean {
  let first = quote;
  while (json.charCodeAt(first - 1) === backslashCode) first -= 1;
  return (quote - first) % 2 === 1;
}

function afterSpace(json: string, from: number): number {
  let at = from;
  while (json.charCodeAt(at) <= 32) at += 1;
  return at;
}

/** What stands outside of strings is numbers and punctuation in JSON; in what is no JSON it may be anything. */
function redactOutside(line: Line, from: number, to: number): string | undefined {
  if (to - from < minSecretLength || !isSuspect(line, { from, to }, line.options)) return undefined;
  return redactText(line.json.slice(from, to), line.options);
}

/** A name is no secret because it looks random, but it may have the form of one. */
function redactKey(line: Line, from: number, to: number): string | undefined {
  if (to - from < minSecretLength) return undefined;
  return redactLiteral(line, { from, to, key: undefined }, { own: line.options.own });
}

/** The literal without its secrets; undefined where it has none. */
function redactLiteral(line: Line, value: StringValue, options: RedactionOptions): string | undefined {
  const { json } = line;
  const { from, to, key } = value;
  const kind = key === undefined ? "plain" : kindOf(key);
  if (kind === "signature") return undefined;
  if (kind === "secret" || (kind === "short" && couldBePassword(decode(json.slice(from, to)))))
    return JSON.stringify(mark);
  if (options.isKept?.(json.slice(from, to)) === true) return undefined;
  const entropy =
    options.entropy === true && !(kind === "naming" && isName(line, value)) && !isPicture(json, from);
  if (!isSuspect(line, value, entropy ? options : { ...options, entropy })) return undefined;
  const text = decode(json.slice(from, to));
  const redacted = redactText(text, { entropy, own: options.own });
  return redacted === text ? undefined : JSON.stringify(redacted);
}

function isName({ json }: Line, { from, to }: StringValue): boolean {
  return looksLikeName(decode(json.slice(from, to)));
}

type Kind = "signature" | "secret" | "short" | "naming" | "plain";
const kinds = new Map<string, Kind>();
const maxKinds = 4096;

/** Known keys are few; what comes from outside must not fill the memory. */
function kindOf(key: string): Kind {
  const known = kinds.get(key);
  if (known !== undefined) return known;
  const kind = signatureKey.test(key)
    ? "signature"
    : secretKey.test(key)
      ? "secret"
      : shortKey.test(key)
        ? "short"
        : mayLookRandom(key)
          ? "naming"
          : "plain";
  if (kinds.size >= maxKinds) kinds.clear();
  // A slice would keep its whole line alive.
  if (key.length <= 64) kinds.set(key.split("").join(""), kind);
  return kind;
}

const pictures = ["iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "JVBERi0"];

function isPicture(json: string, from: number): boolean {
  return pictures.some((start) => json.startsWith(start, from + 1));
}

/** Looks at the literal as it is written: one that is not suspect need not be decoded. */
function isSuspect(line: Line, at: Pick<StringValue, "from" | "to">, options: RedactionOptions): boolean {
  const { from, to } = at;
  if (options.own !== undefined || nextHead(line.json, from, to) !== -1) return true;
  return (
    (options.entropy === true && nextLongRun(line.json, from, to) !== -1) ||
    line.escapes.hideLetters(from, to)
  );
}

/** The escapes of a text, looked for from its beginning to its end once, however many strings it holds. */
class Escapes {
  readonly #json: string;
  #at = -1;

  constructor(json: string) {
    this.#json = json;
  }

  /** Whether a letter or a slash is written as an escape between two places, which lie behind those of the last call. */
  hideLetters(from: number, to: number): boolean {
    for (let at = this.#next(from); at < to; at = this.#next(at + 2)) {
      const escape = this.#json.charCodeAt(at + 1);
      if (escape === 0x75 || escape === 0x2f) return true;
    }
    return false;
  }

  #next(from: number): number {
    if (this.#at >= from) return this.#at;
    const at = this.#json.indexOf("\\", from);
    this.#at = at === -1 ? Infinity : at;
    return this.#at;
  }
}

function decode(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal.slice(1, -1);
  }
}

function redactKnown(text: string): string {
  let result = "";
  let copied = 0;
  for (let at = nextHead(text, 0, text.length); at !== -1;) {
    const secret = secretAt(text, at);
    if (secret !== undefined) {
      result += text.slice(copied, at) + secret.lead + mark;
      copied = secret.end;
    }
    at = nextHead(text, secret?.end ?? at + 1, text.length);
  }
  return copied === 0 ? text : result + text.slice(copied);
}

function redactRandom(text: string): string {
  let result = "";
  let copied = 0;
  for (const { from, to } of randomRuns(text)) {
    result += text.slice(copied, from) + mark;
    copied = to;
  }
  return copied === 0 ? text : result + text.slice(copied);
}
