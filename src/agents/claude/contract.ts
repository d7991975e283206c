/** Names one transcript of the Claude Agent SDK; without `subpath` the session's main one. */
export interface ClaudeSessionKey {
  readonly projectKey: string;
  readonly sessionId: string;
  readonly subpath?: string | undefined;
}

/** One transcript line, opaque but for its uuid. */
export interface ClaudeEntry {
  readonly type: string;
  readonly uuid?: string;
  readonly timestamp?: string;
  readonly [key: string]: unknown;
}

/** A session's folded summary, stored as the SDK's helper made it. */
export interface ClaudeSummary {
  readonly sessionId: string;
  readonly mtime: number;
  readonly data: Record<string, unknown>;
}

/** The SDK's own pure helper, which the caller passes in. */
export type FoldSessionSummary = (
  previous: ClaudeSummary | undefined,
  // Without the subpath: a main transcript has none, and the SDK's type does not let it be spelled as undefined.
  key: Omit<ClaudeSessionKey, "subpath">,
  entries: never[],
  options: { mtime: number },
) => { readonly sessionId: string; readonly mtime: number; readonly data: Record<string, unknown> };
