/**
 * Replaces secrets in text for people: known key formats, tokens in headers and URLs, and what is assigned to a name like `password`.
 * The form of the text around a secret stays, so that the reader sees what stood there.
 */
export function redactText(text: string): string {
  return text.replace(secretPattern, (...args) => {
    const groups = args.at(-1) as Groups;
    return `${groups["lead"] ?? groups["scheme"] ?? ""}${groups["quote"] ?? ""}${mark}`;
  });
}

/**
 * Replaces secrets in JSON text and leaves every other byte as it is: numbers, key order and white space survive.
 * The signatures of thinking blocks are never altered.
 */
export function redactJson(json: string): string {
  const pieces: string[] = [];
  let copied = 0;
  for (const { from, to, key } of stringValues(json)) {
    const literal = json.slice(from, to);
    const redacted = redactLiteral(literal, key);
    if (redacted === literal) continue;
    pieces.push(json.slice(copied, from), redacted);
    copied = to;
  }
  return pieces.length === 0 ? json : pieces.join("") + json.slice(copied);
}

type Groups = Readonly<Record<string, string | undefined>>;

interface StringValue {
  readonly from: number;
  readonly to: number;
  readonly key: string | undefined;
}

// A scanner by hand, because a regex over a string of 16 MB with escapes overflows the engine's backtrack stack.
function* stringValues(json: string): Generator<StringValue> {
  let key: { readonly name: string; readonly end: number } | undefined;
  for (let from = json.indexOf('"'); from !== -1;) {
    const to = endOfString(json, from);
    afterString.lastIndex = to;
    const named = key !== undefined && json.slice(key.end, from).trim() === "";
    if (afterString.test(json)) {
      key = { name: json.slice(from + 1, to - 1), end: afterString.lastIndex };
    } else {
      yield { from, to, key: named ? key?.name : undefined };
    }
    from = json.indexOf('"', to);
  }
}

function endOfString(json: string, open: number): number {
  let quote = json.indexOf('"', open + 1);
  while (quote !== -1 && isEscaped(json, quote)) quote = json.indexOf('"', quote + 1);
  return quote === -1 ? json.length : quote + 1;
}

function isEscaped(json: string, quote: number): boolean {
  let first = quote;
  while (json[first - 1] === "\\") first -= 1;
  return (quote - first) % 2 === 1;
}

function redactLiteral(literal: string, key: string | undefined): string {
  if (literal.length <= 2 || (key !== undefined && signatureKey.test(key))) return literal;
  if (key !== undefined && secretKey.test(key)) return JSON.stringify(mark);
  const text = decode(literal);
  const redacted = redactText(text);
  return redacted === text ? literal : JSON.stringify(redacted);
}

function decode(literal: string): string {
  if (!literal.includes("\\")) return literal.slice(1, -1);
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal.slice(1, -1);
  }
}

// Flag modifiers such as (?i:…) need a newer engine than Node 22's.
function anyCase(word: string): string {
  return word.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

const mark = "[redacted]";
const afterString = /\s*:/y;
const signatureKey = /^(?:thinking|thought)?_?signature$/i;
const secretWords =
  "passw(?:or)?d|passphrase|secret|secret[_-]?key|private[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token|token|credentials?";
const secretKey = new RegExp(`(?:${secretWords}|^(?:proxy-)?authorization|^(?:set-)?cookie)$`, "i");

const keyFormats = [
  "sk-(?:(?:ant|proj|svcacct|admin|or)-[\\w-]{8,}|[A-Za-z0-9]{20,})",
  "(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\\w{20,})",
  "gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt|agent|oas)-[\\w.-]{16,}",
  "(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",
  "(?:AIza[\\w-]{35}|ya29\\.[\\w-]{20,}|GOCSPX-[\\w-]{20,})",
  "(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\\d-[A-Za-z0-9-]{10,})",
  "(?:[srp]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,})",
  "npm_[A-Za-z0-9]{30,}",
  "eyJ[\\w-]{8,}\\.eyJ[\\w-]{8,}(?:\\.[\\w-]*)?",
].join("|");

const pemKey = "-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$)";
const slackHook = "(?<=hooks\\.slack\\.com/services/)[\\w/-]{20,}";
const urlCredentials = "(?<=://)(?:[^\\s/?#:@\"'<>\\\\]*:[^\\s/@\"'<>]+|[^\\s/?#:@\"'<>\\\\]{20,})(?=@)";
const header = `(?<scheme>${anyCase("bearer")}[ \\t]+)(?:[\\w.~+/=-]{16,}|(?=[\\w.~+/=-]*\\d)[\\w.~+/=-]{8,})`;
const names = [
  anyCase("passw(?:or)?d|passphrase|secret|token|authorization"),
  `${anyCase("(?:api|access|private|secret)")}[_-]?${anyCase("key")}`,
].join("|");
const scheme = `(?:${anyCase("(?:basic|bearer|token)")}[ \\t]+)?`;
// A value that is code (a type name, a call, a variable) is no secret.
const code =
  "(?:string|number|boolean|null|undefined|true|false|unknown|any|process\\.env)\\b|[\\w.]*[([]|\\[redacted";
const delimiters = "\\s\"'`,;&<>(){}\\[\\]\\\\";
const bareValue = `(?!${code})[^${delimiters}$|][^${delimiters}]{3,}`;
const assignment = `(?<lead>(?:${names})\\\\*["']?[ \\t]*(?::=|[:=])[ \\t]*${scheme})(?:(?<quote>\\\\*["']${scheme})[^"'\\\\\\n]{3,}|${bareValue})`;

// What sets a colour ends in a letter, which is no part of the word behind it.
const begin = "(?:(?<![A-Za-z0-9])|(?<=(?:[\\u001b\\u241b]\\[|\\u009b)[\\d;:?]*[A-Za-z]))";

// One pass over the text with one pattern; every alternative starts at fixed text, so that a long line costs its length once.
const secretPattern = new RegExp(
  `${pemKey}|${begin}(?:${keyFormats})|${slackHook}|${urlCredentials}|${header}|${assignment}`,
  "g",
);
