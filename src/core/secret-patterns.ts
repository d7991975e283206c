import { keyFormats, prefixedFormats } from "./key-formats.ts";

/** What stands in a secret's place. */
export const mark = "REDACTED";

/** A JSON key whose value must stay as it is, because it vouches for other bytes. */
export const signatureKey = /^(?:thinking|thought)?_?signature$/i;

/** Whether the value under a short name can be a password: at least six characters, and no sentence, folder, colour, verdict, scoped name or placeholder. */
export function couldBePassword(value: string): boolean {
  return passwordPattern.test(value);
}

/** The next place from `from` on and before `to` where a secret may begin; -1 where there is none. */
export function nextHead(text: string, from: number, to: number): number {
  let pair = (text.charCodeAt(from) << 7) | text.charCodeAt(from + 1);
  for (let at = from; at < to - 2; at += 1) {
    const next = text.charCodeAt(at + 2);
    const following = ((pair & 127) << 7) | next;
    // Other alphabets set higher bits, which no table has.
    if (firstPairs[pair] === 1 && secondPairs[following] === 1 && !isRule(text, at)) return at;
    pair = following;
  }
  return -1;
}

/** What a secret at `at` is made of: what of it stays, and where it ends. */
export function secretAt(
  text: string,
  at: number,
): { readonly lead: string; readonly end: number } | undefined {
  secretPattern.lastIndex = at;
  const groups = secretPattern.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const lead = leads.map((name) => groups[name]).find((group) => group !== undefined) ?? "";
  const [from, quote] = [secretPattern.lastIndex, groups["quote"]];
  if (quote === undefined) return { lead, end: from };
  const end = endOfQuoted(text, from, quote);
  return end - from < minQuotedLength ? undefined : { lead: lead + quote, end };
}

/**
 * Where a quoted value ends: at its own quote, which has as many backslashes before it as the one that opened it had.
 * More of them belong to the value, fewer to the text around it. By hand, because a regex would try each backslash again.
 */
function endOfQuoted(text: string, from: number, opening: string): number {
  const level = opening.search(/["']/);
  const quote = opening.charCodeAt(level);
  const to = Math.min(text.length, from + maxQuotedLength);
  for (let at = from, backslashes = 0; at < to; at += 1) {
    const code = text.charCodeAt(at);
    if (code === newline) break;
    if (code === quote && (backslashes < level || backslashes % (2 * level + 2) === level))
      return at - Math.min(backslashes, level);
    backslashes = code === backslash ? backslashes + 1 : 0;
  }
  unclosedValue.lastIndex = from;
  unclosedValue.test(text);
  return unclosedValue.lastIndex;
}

// A line of dashes would be tried at each of them.
function isRule(text: string, at: number): boolean {
  return text.charCodeAt(at) === dash && text.charCodeAt(at + 5) !== capitalB;
}

// Flag modifiers such as (?i:…) need a newer engine than Node 22's.
function anyCase(word: string): string {
  return word.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
}

/** The groups of the pattern that stay. */
const leads = ["lead", "scheme", "address", "hook", "variable", "prefix"];
const [dash, capitalB, backslash, newline] = [45, 66, 92, 10];
const minQuotedLength = 3;
// A quote that closes only behind so much belongs to something else.
const maxQuotedLength = 4096;
const unclosedValue = /[^"'\\\n]*\S*/y;
const secretWords =
  "passw(?:or)?d|passphrase|secret|secret[_-]?key|private[_-]?key|api[_-]?key|access[_-]?key|auth[_-]?token|token|credentials?";

/** A JSON key whose value is a secret, whatever it looks like. */
export const secretKey = new RegExp(`(?:${secretWords}|^(?:proxy-)?authorization|^(?:set-)?cookie)$`, "i");

/** A JSON key whose value is a secret where it {@link couldBePassword}: a folder and a verdict have such names too. */
export const shortKey = new RegExp(`(?:(?:^|[^A-Za-z])${anyCase("(?:pass|pwd)")}|[a-z]P(?:ass|wd))$`);

// An escape, as JSON inside a text has it, and what sets a colour end in a letter or digit that is no part of the word behind it.
const escape = "\\\\(?:[bfnrt]|u[\\dA-Fa-f]{4}|x[\\dA-Fa-f]{2})";
const colour = "(?:(?:[\\u001b\\u241b]|\\\\(?:u001|x1)[bB])\\[|\\u009b|\\\\u009[bB])[\\d;:?]*[A-Za-z]";
const behindEscape = `(?<=${escape}|${colour})`;
const begin = `(?:(?<![A-Za-z0-9])|${behindEscape})`;

const pemStart = "-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----";
const pemKey = `${pemStart}[^]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|$)`;
const slackHook = "(?<hook>hooks\\.slack\\.com/services/)[\\w/-]{20,}";
const databases =
  "postgres(?:ql)?|mysql|mariadb|mongodb(?:\\+srv)?|rediss?|amqps?|mssql|sqlserver|clickhouse|cockroachdb";
// A database's password is often written with an "@" or a "/" in it that should have been escaped.
const connection = `(?<=${begin}(?:${databases})://)[^\\s/?#:@"'<>\\\\]{0,128}:[^\\s"'<>\\\\]{1,256}(?=@)`;
const credentials = `[^\\s/?#:@"'<>\\\\]*:[^\\s/@"'<>]+|[^\\s/?#:@"'<>\\\\]{20,}`;
const urlCredentials = `(?<address>:(?:\\\\{0,8}/){2})(?:${connection}|(?:${credentials})(?=@))`;
const header = `(?<scheme>${anyCase("bearer")}[ \\t]+)(?:[\\w.~+/=-]{16,}|(?=[\\w.~+/=-]*\\d)[\\w.~+/=-]{8,})`;
const names = [
  anyCase("passw(?:or)?d|passphrase|secret|token|authorization"),
  `${anyCase("(?:account|api|access|private|secret)")}[_-]?${anyCase("key")}`,
].join("|");
const scheme = `(?:${anyCase("(?:basic|bearer|token)")}[ \\t]+)?`;
const placeholder = "\\$\\{[^}\"']{1,64}\\}|<[\\w .-]{1,64}>|\\*{3,}|changeme\\b";
// A value that is code (a type name, a call, a variable) is no secret.
const code = `(?:string|number|boolean|null|undefined|true|false|unknown|any|process\\.env)\\b|${pemStart}|[\\w.]*[([]|${mark}\\b|${placeholder}`;
const delimiters = "\\s\"'`,;&<>(){}\\[\\]\\\\";
const bareValue = `(?!${code})[^${delimiters}$|][^${delimiters}]{3,}`;
// What puts a text together from quoted pieces goes on behind the other quote.
const piece = `["'](?:[ \\t]*[+,)$]|[ \\t]+\\.)`;
const quoted = `(?<quote>\\\\*["']${scheme})(?!(?:${placeholder})\\\\*["']|${mark}\\b|${pemStart}|${piece})`;
// Prose names flags too: what follows one is a secret where it is quoted or has a digit, and neither a variable nor a path.
const noFlagValue = `\\\\*["']?(?:\\$(?:[({]|\\w+(?:[\\s"'\\\\]|$))|~[\\w.-]{0,64}/|/[A-Z]?[a-z_.-]{1,64}/)`;
const flag = `(?<=--(?:[\\w-]{1,32}-)?)(?:${names}|pass)[ \\t]+(?!${noFlagValue})(?=\\\\*["']|[^${delimiters}]{0,256}\\d)`;
// Prose says "identified by" and "with password" too, in small letters. What stands before is looked at last, because that is dear.
const userStatement = `${anyCase("(?:(?:create|alter) +(?:user|role)|grant +(?:all|select|insert|usage))")}\\b[^;]{0,128}`;
const partOfStatement = `(?:IDENTIFIED +BY|${anyCase("(?:encrypted|login|identified +by) +password")})[ \\t]+`;
const withPassword = `${anyCase("with +password")}[ \\t]+(?=\\\\*["'][^\\s"'\\\\]{0,64}\\d)`;
const identified = anyCase("identified +(?:with +[^ ]{1,64} +)?by(?: +password)?");
const sql = `(?:${identified}|${anyCase("password")})[ \\t]+(?=\\\\*["'])(?<=${userStatement}|${partOfStatement}|${withPassword})`;
const named = `(?:${names})\\\\*["']?[ \\t]*(?::=|[:=])[ \\t]*${scheme}`;
// A short name is a word too: of what it names, only what could be a password is one. "PASS:" begins a line of test results.
const shortName = `(?:(?<=[_-])|(?:(?<![A-Za-z])|${behindEscape})(?!PASS:)|(?<=[a-z])(?=P[aw]))${anyCase("(?:pass|pwd)")}`;
const folder = `(?:[a-z._-]{1,64}/){1,16}[a-z._-]{0,64}(?![^${delimiters}])`;
const verdict = anyCase(
  "passed|failed|failure|success(?:ful)?|succeeded|skipped|pending|partial|required|undefined",
);
const noPassword = `[/~.]|[A-Za-z]:[/\\\\]|[A-Za-z_]\\w{0,64}::|${folder}|(?:#[0-9A-Fa-f]{6}|0x[0-9A-Fa-f]+|${verdict})(?![\\w-])`;
const passwordPattern = new RegExp(`^(?!${noPassword}|${placeholder}|${mark}\\b)\\S{6,256}$`);
const shortQuoted = `\\\\*["'](?!${noPassword})[^\\s"']{6,256}["']`;
const shortBare = `(?!${noPassword}|[\\d.,:]+[a-z]{0,2}(?![\\w-]))(?=[^${delimiters}]{0,256}\\d)[^${delimiters}]{6}`;
const short = `${shortName}\\\\*["']?[ \\t]*(?::=|[:=](?![:=]))[ \\t]*(?=${shortQuoted}|${shortBare})`;
const assignment = `(?<lead>${named}|${flag}|${sql}|${short})(?:${quoted}|${bareValue})`;
const variable = `(?<variable>(?:_(?:KEY|PASS|PWD|AUTH|DSN|SALT|CREDENTIALS?|CREDS)=|_(?:PASS|PWD):[ \\t]+(?!${noPassword})|;[ \\t]*[Pp](?:wd|WD)[ \\t]*=)["']?)(?!${code})[^${delimiters}$|]{6,1024}`;

const whole = keyFormats.map(({ pattern }) => pattern).join("|");
const prefixed = prefixedFormats
  .map((format) => `(?<=${begin}${format.before})${format.prefix}(?=${format.pattern})`)
  .join("|");
const prefixedKey = `(?<prefix>${prefixed})[\\w+/=-]+(?:\\.[\\w+/=-]+)*`;

// Tried where a head stands and nowhere else; every alternative starts with one, so that a long line costs its length once.
const secretPattern = new RegExp(
  `(?:${pemKey}|${begin}(?:${whole})|${prefixedKey}|${slackHook}|${urlCredentials}|${header}|${assignment}|${variable})(?<end>)`,
  "y",
);

const heads = [
  ...[...keyFormats, ...prefixedFormats].map((format) => format.heads),
  "---|hoo|://|:\\/|:\\\\|_KE|_PA|_PW|_AU|_DS|_SA|_CR|; p|; P|;pw|;Pw|;PW|;pW|;\tp|;\tP|;  |; \t|;\t\t|;\t ",
].flatMap((line) => line.split("|"));
const headsInAnyCase = ["bea", "pas", "sec", "tok", "aut", "acc", "api", "pri", "ide", "pwd"];
const [firstPairs, secondPairs] = [new Uint8Array(1 << 14), new Uint8Array(1 << 14)];
for (const head of heads) addHead(head);
for (const head of headsInAnyCase)
  for (let upper = 0; upper < 8; upper += 1)
    addHead(
      Array.from(head)
        .map((letter, at) => ((upper >> at) & 1 ? letter.toUpperCase() : letter))
        .join(""),
    );

function addHead(head: string): void {
  const [first, second, third] = [head.charCodeAt(0), head.charCodeAt(1), head.charCodeAt(2)];
  firstPairs[(first << 7) | second] = 1;
  secondPairs[(second << 7) | third] = 1;
}
