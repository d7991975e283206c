/** What came of the transcripts of a session. */
export interface SessionResult {
  readonly entries: number;
  readonly duplicates: number;
  readonly problems: readonly string[];
}
