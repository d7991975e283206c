import { cut, padded, widthOf } from "./width.ts";

/** Sets rows in columns; the last one is left as long as it is, or cut at an edge. */
export function columns(rows: readonly (readonly string[])[], maxWidth: number): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, at) => (widths[at] = Math.max(widths[at] ?? 0, widthOf(cell))));
  return rows.map((row) => {
    const line = row.map((cell, at) => (at === row.length - 1 ? cell : padded(cell, widths[at]!))).join("  ");
    return cut(line.trimEnd(), maxWidth);
  });
}

/** A size in bytes or characters, short. */
export function size(count: number): string {
  if (count < 1000) return `${count}`;
  const steps = ["k", "M", "G", "T"];
  let value = count;
  let step = -1;
  while (value >= 999.5 && step < steps.length - 1) {
    value /= 1000;
    step += 1;
  }
  return `${value.toFixed(value < 9.95 ? 1 : 0)}${steps[step]}`;
}

/** A time as a person at this machine reads it, to the minute. */
export function localTime(atMs: number): string {
  const date = new Date(atMs);
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** A count with its noun. */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : /(?:s|ch)$/.test(noun) ? "es" : "s"}`.replace(
    /entrys$/,
    "entries",
  );
}
