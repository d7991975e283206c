/** How many columns a terminal gives a line; a sequence of joined emoji counts for more than it takes. */
export function widthOf(line: string): number {
  if (/^[\u0020-\u007e]*$/.test(line)) return line.length;
  let width = 0;
  for (const char of line) width += widthOfChar(char);
  return width;
}

/** Cuts a line to a width, and shows that it was cut. */
export function cut(line: string, maxWidth: number): string {
  if (endOfWidth(line, 0, maxWidth) === line.length) return line;
  return `${line.slice(0, endOfWidth(line, 0, Math.max(0, maxWidth - 1)))}…`;
}

/** Cuts the beginning of a name whose end tells it apart. */
export function cutStart(name: string, maxWidth: number): string {
  if (widthOf(name) <= maxWidth) return name;
  let rest = name;
  while (widthOf(rest) > maxWidth - 1 && rest !== "")
    rest = rest.slice(rest.codePointAt(0)! > 0xffff ? 2 : 1);
  return `…${rest}`;
}

/** Fills a line with spaces up to a width. */
export function padded(line: string, width: number): string {
  return line + " ".repeat(Math.max(0, width - widthOf(line)));
}

/** Folds a line at its spaces, and a word longer than the width inside it; only the spaces at a fold are lost. */
export function foldLine(line: string, maxWidth: number): string[] {
  const lines: string[] = [];
  for (let from = 0; ;) {
    const end = endOfWidth(line, from, maxWidth);
    if (end === line.length) return [...lines, line.slice(from)];
    const to = foldBefore(line, from, end);
    lines.push(line.slice(from, endOfWords(line, from, to)));
    from = to;
    while (line[from] === " ") from += 1;
    if (from === line.length) return lines;
  }
}

// The last space that fits, unless only the line's indentation stands before it.
function foldBefore(line: string, from: number, end: number): number {
  const head = line.slice(from, end + 1);
  const space = head.lastIndexOf(" ");
  return endOfWords(head, 0, Math.max(0, space)) === 0 ? end : from + space;
}

// Only " " is a place to fold; a no-break or an ideographic space is part of its word.
function endOfWords(line: string, from: number, to: number): number {
  while (to > from && line[to - 1] === " ") to -= 1;
  return to;
}

/** Where what fits the width ends; at least one character fits. */
function endOfWidth(line: string, from: number, maxWidth: number): number {
  let [width, end] = [0, from];
  while (end < line.length) {
    const char = String.fromCodePoint(line.codePointAt(end)!);
    width += widthOfChar(char);
    if (width > maxWidth && end > from) return end;
    end += char.length;
  }
  return end;
}

function widthOfChar(char: string): number {
  if (char >= " " && char <= "~") return 1;
  if (char === "\t") return tabWidth;
  if (zeroWidth.test(char)) return 0;
  return wide.test(char) ? 2 : 1;
}

// At most this, so that a folded line never runs over the edge.
const tabWidth = 8;
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const wide =
  /^[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]$/u;
