import { HoldfastError } from "./errors.ts";

/** A user's own rules for what is a secret, ready to use. */
export interface OwnRules {
  /** The rules as they were given. */
  readonly sources: readonly string[];
  redact(text: string, mark: string): string;
}

/**
 * Reads a user's regular expressions, of which one that begins with `(?i)` takes capitals for small letters. So that no text can hold them up, a rule has no reference back and no look around,
 * repeats no group that itself repeats or chooses, and what repeats openly ends after 256 characters, two such parts
 * after 64 each.
 *
 * @throws redaction_invalid
 */
export function ownRules(sources: readonly string[]): OwnRules | undefined {
  if (sources.length === 0) return undefined;
  if (sources.length > maxRules)
    throw invalid(`There are ${sources.length} rules:`, "too many", `Give at most ${maxRules}.`);
  const patterns = sources.map(compile);
  return {
    sources,
    redact: (text, mark) => patterns.reduce((rest, pattern) => rest.replace(pattern, () => mark), text),
  };
}

const maxRules = 100;
const maxSourceLength = 1000;
/** In how many ways a rule may be tried at one place: the price of a character, at worst. */
const maxWays = 4096;

function compile(source: unknown): RegExp {
  if (typeof source !== "string" || source === "" || source.length > maxSourceLength)
    throw invalid(
      "A rule",
      "is not a text of 1 to 1000 characters",
      "Write each rule as one regular expression.",
    );
  const [, prefix, body] = /^(\(\?i\))?([^]*)$/.exec(source)!;
  const named = `The rule ${JSON.stringify(source)}`;
  const all = body!.match(tokens) ?? [];
  const read = readRepeats(all);
  const fault = foreignFault(all) ?? read.fault;
  if (fault !== undefined) throw invalid(named, fault, "Write it without.");
  const flags = prefix === undefined ? "g" : "gi";
  try {
    if (!new RegExp(read.bounded, flags).test("")) return new RegExp(read.bounded, flags);
  } catch {
    throw invalid(named, "is no regular expression", "Correct it.");
  }
  throw invalid(named, "fits an empty text", "Let it name at least one character.");
}

/** What would be read as something else here, or could not be bounded. */
function foreignFault(all: readonly string[]): string | undefined {
  // A class holds escapes of its own.
  const escapes = all.flatMap((token) => token.match(/\\[^]/g) ?? []);
  const looksAround = all.some((token, at) => token === "(" && all[at + 1]?.startsWith("?") === true);
  if (looksAround || escapes.some((escape) => /[1-9k]/.test(escape))) return "looks around or refers back";
  return escapes.some((escape) => /[AzZQEpPC]/.test(escape)) || all.some((token) => token.startsWith("[[:"))
    ? "has a form that only other engines know"
    : undefined;
}

interface Repeats {
  readonly bounded: string;
  readonly fault?: string;
}

interface Repeat {
  readonly min: number;
  readonly max: number;
}

const tokens = /\\[^]|\[(?:\\[^]|[^\]\\])*\]|\((?:\?:)?|\)|\||[*+?]\??|\{\d+(?:,\d*)?\}\??|[^]/g;

/** Bounds what repeats openly, and finds what could take more than a bounded time for each character. */
function readRepeats(texts: readonly string[]): Repeats {
  const all = texts.map((token) => ({ token, repeat: repeatOf(token) }));
  const open = all.filter(({ repeat }) => repeat?.max === Infinity).length;
  const longest = Math.floor(maxWays ** (1 / Math.max(open, 1.5)));
  // Of each group that is open: whether it may be read in several ways.
  const groups: boolean[] = [];
  let [bounded, closed, ways] = ["", false, 1];
  for (const { token, repeat } of all) {
    const choices = repeat === undefined ? (token === "|" ? 2 : 1) : choicesOf(repeat, longest);
    if (closed && (repeat?.max ?? 1) > 1)
      return { bounded, fault: "repeats a group that repeats or chooses" };
    ways *= choices;
    if (choices > 1) groups.fill(true);
    if (token.startsWith("(")) groups.push(false);
    closed = token === ")" && (groups.pop() ?? false);
    bounded += repeat?.max === Infinity ? boundedRepeat(repeat, longest, token) : token;
  }
  return ways <= maxWays ? { bounded } : { bounded, fault: "can be read in too many ways" };
}

function choicesOf({ min, max }: Repeat, longest: number): number {
  return max === Infinity ? Math.max(longest - min, 1) : max - min + 1;
}

function repeatOf(token: string): Repeat | undefined {
  if (token.startsWith("*")) return { min: 0, max: Infinity };
  if (token.startsWith("+")) return { min: 1, max: Infinity };
  if (token === "?" || token === "??") return { min: 0, max: 1 };
  const counted = /^\{(\d+)(,?)(\d*)\}/.exec(token);
  if (counted === null) return undefined;
  const min = Number(counted[1]);
  return { min, max: counted[2] === "" ? min : counted[3] === "" ? Infinity : Number(counted[3]) };
}

function boundedRepeat({ min }: Repeat, longest: number, token: string): string {
  const lazy = token.length > 1 && token.endsWith("?") ? "?" : "";
  return `{${min},${Math.max(min, longest)}}${lazy}`;
}

/** Its data tell the fault without the rule, which may itself be a secret. */
function invalid(rule: string, fault: string, next: string): HoldfastError {
  const message = `${rule} ${fault}.`;
  return new HoldfastError({ code: "redaction_invalid", message, next, data: { fault } });
}
