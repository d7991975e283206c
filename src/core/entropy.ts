/** From where to where in a text something stands that looks random: a key of no known format (Shannon entropy above 4.5 bits). */
export function* randomRuns(text: string): Generator<{ readonly from: number; readonly to: number }> {
  for (let at = nextLongRun(text, 0, text.length); at !== -1;) {
    const to = endOfRun(text, at);
    const from = behindEscape(text, at);
    if (to - from >= minLength && isRandom(text, from, to) && !isPublic(text, from, to)) yield { from, to };
    at = nextLongRun(text, to, text.length);
  }
}

/** Where a run of letters and digits begins that is long enough to look random; -1 where there is none. */
export function nextLongRun(text: string, from: number, to: number): number {
  // One character in each stretch of that length belongs to the run.
  for (let probe = from + minLength - 1; probe < to; probe += minLength) {
    if (!isInRun(text, probe)) continue;
    let first = probe;
    while (first > from && isInRun(text, first - 1)) first -= 1;
    let end = probe + 1;
    while (end < to && end - first < minLength && isInRun(text, end)) end += 1;
    if (end - first >= minLength) return first;
    probe = end;
  }
  return -1;
}

/** Whether the value under this key is a name, which may look random as long as it {@link looksLikeName}. */
export function mayLookRandom(key: string): boolean {
  return idKey.test(key) || hashKey.test(key) || pathKey.test(key);
}

/** Whether a text can be an id or a path, and not what a file holds. */
export function looksLikeName(text: string): boolean {
  return text.length <= maxNameLength && !/\s/.test(text);
}

// Fewer characters than 2^4.5 cannot have more entropy, however they differ.
const minLength = 23;
const minEntropy = 4.5;
const maxNameLength = 4096;
const idKey = /(?:^|_)(?:uu)?ids?$|(?:I[dD]|Uuid)s?$/;
const hashKey = /(?:signature|fingerprint|digest|hash|commit|sha)$/i;
// Whole names, because a key such as `originalFile` holds what is in the file.
const pathKey =
  /^(?:(?:file|notebook|transcript|script|display|sub|messaging_?socket|persisted_?output|project|worktree)?_?paths?|(?:original_?)?cwd|(?:backup_?)?file_?names?|(?:working_?)?dir(?:ectory)?)$/i;

const runCharacters = new Uint8Array(128);
for (const character of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_=-")
  runCharacters[character.charCodeAt(0)] = 1;

function isInRun(text: string, at: number): boolean {
  return runCharacters[text.charCodeAt(at)] === 1;
}

function endOfRun(text: string, from: number): number {
  let to = from;
  while (to < text.length && isInRun(text, to)) to += 1;
  return to;
}

const escaped = /[bfnrt]|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}/y;

/** In a text that is source or JSON itself, what stands behind a backslash is no part of a run. */
function behindEscape(text: string, from: number): number {
  if (text.charCodeAt(from - 1) !== backslash) return from;
  escaped.lastIndex = from;
  return escaped.test(text) ? escaped.lastIndex : from;
}

const backslash = 0x5c;
const counts = new Uint32Array(128);

function isRandom(text: string, from: number, to: number): boolean {
  counts.fill(0);
  for (let at = from; at < to; at += 1) counts[text.charCodeAt(at)]! += 1;
  let sum = 0;
  for (const count of counts) if (count > 1) sum += count * Math.log2(count);
  const length = to - from;
  return Math.log2(length) - sum / length > minEntropy;
}

const publicRun = /^(?:toolu|srvtoolu|msg|req)_01[A-Za-z0-9]{22}$/;
const publicBefore = /(?:sha(?:1|256|384|512)-[A-Za-z0-9+/=]*|;base64,[A-Za-z0-9+/=]*)$/;
const publicStart = /^sha(?:1|256|384|512)-/;

/** Ids of messages and tool calls, checksums of packages, and pictures inside a text. */
function isPublic(text: string, from: number, to: number): boolean {
  const run = text.slice(from, Math.min(to, from + 64));
  return (
    publicRun.test(run) ||
    publicStart.test(run) ||
    publicBefore.test(text.slice(Math.max(0, from - 120), from))
  );
}
