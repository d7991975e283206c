import { homedir } from "node:os";
import { join } from "node:path";
import { openStore } from "../../open-store.ts";

/** Prints a page of sessions, newest first. */
export async function listSessions({
  store: url,
  project,
  title,
  limit = "50",
  json,
}: ListOptions): Promise<void> {
  const store = await openStore(url ?? defaultStore(), { create: false });
  try {
    const filter = {
      ...(project === undefined ? {} : { project }),
      ...(title === undefined ? {} : { title }),
    };
    const page = await store.sessions({ filter, limit: Number(limit) });
    if (json !== undefined)
      return void process.stdout.write(`${JSON.stringify({ schemaVersion: 1, ...page })}\n`);
    for (const row of page.sessions)
      process.stdout.write(`${lineOf(row.session, row.updatedAtMs, row.title)}\n`);
  } finally {
    await store.close();
  }
}

interface ListOptions {
  readonly store?: string | undefined;
  readonly project?: string;
  readonly title?: string;
  readonly limit?: string;
  readonly json?: string;
}

function defaultStore(): string {
  const data = process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share");
  return process.env["HOLDFAST_STORE"] ?? `sqlite:${join(data, "holdfast", "holdfast.db")}`;
}

// A title is text of a transcript: its control characters must not reach a terminal.
function lineOf(session: string, updatedAtMs: number, title: string | null): string {
  const when = new Date(updatedAtMs).toISOString().slice(0, 16).replace("T", " ");
  return `${when}  ${session}  ${title ?? ""}`.replaceAll(/\p{Cc}/gu, "?");
}
