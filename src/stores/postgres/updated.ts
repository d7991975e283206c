/** The eighth of a second that a time in ms lies in: lists are indexed by it. */
export const eighthSql = (ms: string): string => `${ms} / 125`;

/** The same of a time that was read. */
export const eighthOf = (ms: number): number => Math.floor(ms / 125);

/** Sets when a session was last updated. */
export const updatedSql = (ms: string): string => `updated_at_ms = ${ms}, updated_eighth = ${eighthSql(ms)}`;
