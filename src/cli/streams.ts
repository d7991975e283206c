/** Where the program writes and reads, and what it knows of the terminals there. */
export interface Streams {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Only what asks a person reads it. */
  readonly stdin?: NodeJS.ReadableStream & { readonly isTTY?: boolean };
}

/** A stream that may be a terminal; `process.stdout` is one. */
type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };

/** The streams of the command that runs now. */
export function streams(): Streams {
  return current;
}

/** Lets a command write to these streams until it has ended. */
export async function withStreams<T>(given: Streams, use: () => Promise<T>): Promise<T> {
  const before = current;
  current = given;
  try {
    return await use();
  } finally {
    current = before;
  }
}

/** True when a terminal shows what goes to stdout. */
export function isTerminal(): boolean {
  return current.stdout.isTTY === true;
}

/** The width of the terminal behind stdout; undefined where there is none, because a pipe has no edge. */
export function terminalWidth(): number | undefined {
  const { columns } = current.stdout;
  return isTerminal() && columns !== undefined && columns > 0 ? columns : undefined;
}

let current: Streams = process;
