import { streams } from "./streams.ts";

/** How text is set off: plain off a terminal and under NO_COLOR. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** The style for what goes to stdout. */
export function stdoutStyle(): Style {
  return styleOf(streams().stdout);
}

/** The style for what goes to stderr. */
export function stderrStyle(): Style {
  return styleOf(streams().stderr);
}

function styleOf({ isTTY }: { readonly isTTY?: boolean }): Style {
  const { NO_COLOR: noColor, TERM: term } = process.env;
  const wantsColor = isTTY === true && (noColor === undefined || noColor === "") && term !== "dumb";
  return wantsColor ? colored : plain;
}

/** No escape sequences at all. */
const plain: Style = { bold: same, dim: same, red: same, cyan: same };

const colored: Style = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  red: (text) => `\u001b[31m${text}\u001b[39m`,
  cyan: (text) => `\u001b[36m${text}\u001b[39m`,
};

function same(text: string): string {
  return text;
}
