/** One line of a compact transcript while more may come to it. */
export interface CompactMessage {
  readonly type: "user" | "assistant";
  readonly ts?: string | undefined;
  /** The agent's id of the message: lines that follow one another with the same id are one message. */
  readonly id?: string | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly content: readonly CompactBlock[];
}

/** A block in the key order of section 9. */
export type CompactBlock = Readonly<Record<string, unknown>>;

/** What came of a tool call; it is written into the block of the call. */
export interface CompactResult {
  readonly toolUseId: string;
  readonly result: Readonly<Record<string, unknown>>;
}

/** What one line of an agent's transcript brings. */
export interface CompactPart {
  readonly messages?: readonly CompactMessage[];
  readonly results?: readonly CompactResult[];
}

/** Reads one agent's lines; whatever it cannot read brings nothing. */
export interface CompactSource {
  /** The agent's registry name (section 15). */
  readonly agent: string;
  part(line: Readonly<Record<string, unknown>>): CompactPart;
}

/** A result as section 9 has it: its text, how it ended, and what of the file or the matches is told. */
export function resultOf(
  output: string | undefined,
  status: "success" | "error",
  more: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return { ...(output === undefined ? {} : { output }), status, ...more };
}

/** A call of a tool before its result is known. */
export function toolUse(id: string | undefined, name: string, input: unknown): CompactBlock {
  return { type: "tool_use", ...(id === undefined ? {} : { id }), name, input: input ?? {} };
}
