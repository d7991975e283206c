/** The Claude Agent SDK's `SessionStore`, as far as the suite uses it; all of it is asked of a store under test. */
export interface ClaudeStore {
  append(key: ClaudeKey, entries: SuiteEntry[]): Promise<void>;
  load(key: ClaudeKey): Promise<readonly SuiteEntry[] | null>;
  listSessions(
    projectKey: string,
  ): Promise<readonly { readonly sessionId: string; readonly mtime: number }[]>;
  listSessionSummaries(projectKey: string): Promise<readonly SuiteSummary[]>;
  delete(key: ClaudeKey): Promise<void>;
  listSubkeys(key: { readonly projectKey: string; readonly sessionId: string }): Promise<readonly string[]>;
}

export interface ClaudeKey {
  readonly projectKey: string;
  readonly sessionId: string;
  readonly subpath?: string | undefined;
}

export interface SuiteEntry {
  readonly type: string;
  readonly uuid?: string;
  readonly timestamp?: string;
  readonly [field: string]: unknown;
}

export interface SuiteSummary {
  readonly sessionId: string;
  readonly mtime: number;
  readonly data: Record<string, unknown>;
}

/** What the suite has folded into summaries: the number of entries, the first and the last uuid, and the last `note`. */
export type SuiteFold = (
  previous: SuiteSummary | undefined,
  key: ClaudeKey,
  entries: readonly SuiteEntry[],
  options: { mtime: number },
) => SuiteSummary;

/** What the tests of a method are written against: each test gets a fresh store. */
export interface ClaudeTests {
  readonly describe: (title: string, body: () => void) => void;
  readonly test: (title: string, body: (store: ClaudeStore) => Promise<void>) => void;
}
