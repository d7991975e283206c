import type { ErrorCode } from "../../core/errors.ts";

/** What an error of the server or of the connection means for whoever called. */
export interface Meaning {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
  readonly retryable?: boolean;
}

/**
 * SQLSTATE decides, or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html), else the code of the
 * library or of the socket.
 */
export function meaningOf(code: string): Meaning | undefined {
  return meanings.get(code) ?? ofConnection(code) ?? meanings.get(code.slice(0, 2));
}

function ofConnection(code: string): Meaning | undefined {
  if (/CERT|ERR_TLS|SIGNATURE|EPROTO/.test(code)) return untrusted;
  // No class of the server's begins with an E.
  return /^(E[A-Z]+|CONNECT(ION)?_[A-Z]+)$/.test(code) ? unreachable : undefined;
}

const nothingWritten = "nothing was written.";
const unreachable: Meaning = {
  code: "store_unreachable",
  message: "The PostgreSQL server cannot be reached",
  next: `Check that it runs and takes connections, then try again; ${nothingWritten}`,
  retryable: true,
};
const untrusted: Meaning = {
  code: "store_unreachable",
  message: "No TLS connection that can be trusted was made with the PostgreSQL server",
  next: `Check its certificate, and what ?sslmode= asks for; ${nothingWritten}`,
};
const refused: Meaning = {
  code: "store_unreachable",
  // Behind the word password the store's URL would be hidden as a secret.
  message: "The PostgreSQL server did not let the user in",
  next: "Check the credentials in the URL, and what pg_hba.conf allows.",
};
const forbidden: Meaning = {
  code: "store_unreachable",
  message: "The user may not do this in the database",
  next: `Grant the rights that docs/guide/postgresql.md names; ${nothingWritten}`,
};
const readOnly: Meaning = {
  code: "store_unreachable",
  message: "The PostgreSQL server takes no writes: it is a replica, or set to read only",
  next: `Name the primary server; ${nothingWritten}`,
};
const noDatabase: Meaning = {
  code: "store_unreachable",
  message: "There is no such database",
  next: "Make it, or name another.",
};
const noTables: Meaning = {
  code: "store_unreachable",
  message: "The store's schema or a table of it is not there any more",
  next: "Restore it, or name another.",
};
const busy: Meaning = {
  code: "store_busy",
  message: "The PostgreSQL server gave the statement up, because another one held what it needs for too long",
  next: `Try again; ${nothingWritten}`,
  retryable: true,
};
const sameId: Meaning = { ...busy, message: "Two writes took the same id at one moment" };
const noRoom: Meaning = {
  ...unreachable,
  message: "The PostgreSQL server has no connection or memory left",
  next: `Raise its max_connections or let stores open fewer, then try again; ${nothingWritten}`,
};
const full: Meaning = {
  code: "store_full",
  message: "The PostgreSQL server's disk is full",
  next: `Free some space, then try again; ${nothingWritten}`,
  retryable: true,
};
const tooLong: Meaning = {
  code: "invalid_key",
  message: "Project, session and other names are together too long for an index of PostgreSQL",
  next: `Give at most 2,600 bytes; ${nothingWritten}`,
};
const failing: Meaning = {
  code: "store_unreachable",
  message: "The PostgreSQL server cannot read or write its files",
  next: "See the server's log.",
};
const damaged: Meaning = {
  code: "store_corrupt",
  message: "The database is damaged",
  next: "Restore a backup.",
};

const meanings: ReadonlyMap<string, Meaning> = new Map([
  ["08", unreachable],
  ["25006", readOnly],
  ["25P03", { ...busy, message: "The PostgreSQL server ended a transaction that paused for too long" }],
  ["25P04", { ...busy, message: "The PostgreSQL server's transaction_timeout ended the transaction" }],
  ["28", refused],
  ["3D000", noDatabase],
  ["3F000", noTables],
  ["23505", sameId],
  ["40", busy],
  ["42501", forbidden],
  ["42P01", noTables],
  ["53", noRoom],
  ["53100", full],
  ["54000", tooLong],
  ["55P03", busy],
  ["57", unreachable],
  ["57014", { ...busy, message: "The PostgreSQL server's statement_timeout ended the statement" }],
  ["57P04", noDatabase],
  ["58", failing],
  ["58030", { ...failing, next: "See the server's log, then try again.", retryable: true }],
  ["XX001", damaged],
  ["XX002", { ...damaged, message: "An index of the database is damaged", next: "Run REINDEX." }],
]);
