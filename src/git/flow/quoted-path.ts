/**
 * A path as git prints it without `-z` and with `core.quotePath`: C-style in quotes where a byte is special, else as it
 * is. It holds no newline, so that a line of text can name any file.
 */
export function quotedPath(path: string): string {
  const bytes = Buffer.from(path, "utf8");
  if (!bytes.some(isSpecial)) return path;
  let quoted = "";
  for (const byte of bytes) quoted += isSpecial(byte) ? escaped(byte) : String.fromCharCode(byte);
  return `"${quoted}"`;
}

/** The path that git's quoting stands for; undefined where it is no quoting of git's. */
export function unquotedPath(text: string): string | undefined {
  if (!text.startsWith('"')) return text;
  if (!/^"(?:[^"\\]|\\(?:[abtnvfr"\\]|[0-3][0-7]{2}))*"$/.test(text)) return undefined;
  const latin = text.slice(1, -1).replaceAll(/\\([0-7]{3}|.)/g, (_, what: string) => {
    const at = letters.indexOf(what);
    if (what.length === 3) return String.fromCharCode(Number.parseInt(what, 8));
    return at === -1 ? what : String.fromCharCode(firstLetter + at);
  });
  return Buffer.from(latin, "latin1").toString("utf8");
}

function isSpecial(byte: number): boolean {
  return byte < 0x20 || byte >= 0x7f || byte === 0x22 || byte === 0x5c;
}

function escaped(byte: number): string {
  if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  const letter = letters[byte - firstLetter];
  return letter === undefined ? `\\${byte.toString(8).padStart(3, "0")}` : `\\${letter}`;
}

// From BEL on.
const letters = "abtnvfr";
const firstLetter = 7;
