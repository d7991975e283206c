/** A value of a JSON text, and where it stands: what is changed in a file can then be changed alone. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Of an object, in its order. */
  readonly members?: readonly Member[];
  /** Of an array. */
  readonly items?: readonly Span[];
}

interface Member {
  readonly key: string;
  readonly from: number;
  readonly value: Span;
}

/** The spans of a text that JSON.parse has taken; comments and what else is no JSON are refused by that. @throws SyntaxError */
export function spansOf(text: string): Span {
  JSON.parse(text);
  return new Scanner(text).value();
}

/** The value behind a path of keys; undefined where there is none. */
export function spanAt(span: Span, ...keys: readonly string[]): Span | undefined {
  // Of a key that stands twice the last one counts, as JSON.parse has it.
  return keys.reduce<Span | undefined>(
    (at, key) => at?.members?.findLast((member) => member.key === key)?.value,
    span,
  );
}

/** The text with a part put behind the last one of an object or array, indented as its neighbours are. */
export function withPart(text: string, span: Span, part: string): string {
  const parts = partsOf(span);
  const last = parts.at(-1);
  const outer = indentAt(text, span.from);
  const inner = parts[0] === undefined ? outer + unitOf(text) : indentAt(text, parts[0].from);
  const lines = part.split("\n").join(`\n${inner}`);
  if (last !== undefined) return `${text.slice(0, last.to)},\n${inner}${lines}${text.slice(last.to)}`;
  return `${text.slice(0, span.from + 1)}\n${inner}${lines}\n${outer}${text.slice(span.to - 1)}`;
}

/** The text without one part of an object or array, and without the comma and the white space that were for it. */
export function withoutPart(text: string, span: Span, index: number): string {
  const parts = partsOf(span);
  const [before, part, after] = [parts[index - 1], parts[index]!, parts[index + 1]];
  if (before !== undefined) return text.slice(0, before.to) + text.slice(part.to);
  if (after !== undefined) return text.slice(0, part.from) + text.slice(after.from);
  return text.slice(0, span.from + 1) + text.slice(span.to - 1);
}

/** What one step of indentation is in this text. */
export function unitOf(text: string): string {
  return /^[{[]\r?\n([ \t]+)/.exec(text.trimStart())?.[1] ?? "  ";
}

function partsOf({ members, items }: Span): readonly { readonly from: number; readonly to: number }[] {
  return members?.map(({ from, value }) => ({ from, to: value.to })) ?? items ?? [];
}

function indentAt(text: string, at: number): string {
  const line = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  return /^[ \t]*/.exec(line)![0];
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(): Span {
    this.#skip();
    const from = this.#at;
    const first = this.#text[from];
    if (first === "{") return { from, members: this.#list("}", () => this.#member()), to: this.#at };
    if (first === "[") return { from, items: this.#list("]", () => this.value()), to: this.#at };
    if (first === '"') this.#string();
    else while (!/[\s,\]}]|^$/.test(this.#text[this.#at] ?? "")) this.#at += 1;
    return { from, to: this.#at };
  }

  #member(): Member {
    this.#skip();
    const from = this.#at;
    this.#string();
    const key = JSON.parse(this.#text.slice(from, this.#at)) as string;
    this.#skip();
    this.#at += 1;
    return { key, from, value: this.value() };
  }

  #list<Part>(end: string, part: () => Part): readonly Part[] {
    const parts: Part[] = [];
    this.#at += 1;
    for (this.#skip(); this.#text[this.#at] !== end; this.#skip()) {
      if (this.#text[this.#at] === ",") this.#at += 1;
      parts.push(part());
    }
    this.#at += 1;
    return parts;
  }

  #string(): void {
    for (this.#at += 1; this.#text[this.#at] !== '"'; this.#at += 1)
      if (this.#text[this.#at] === "\\") this.#at += 1;
    this.#at += 1;
  }

  #skip(): void {
    while (/\s/.test(this.#text[this.#at] ?? "x")) this.#at += 1;
  }
}
