import type { LogKey, SessionKey } from "../../core/ids.ts";
import { pagesInOrder } from "../../core/reading-order.ts";
import type { Store } from "../../core/store.ts";
import { oldClosers } from "./old-closers.ts";
import { type Finding, findingsOf } from "./transcript-findings.ts";
import { type Link, readLink } from "./transcript-links.ts";

/** What a resume of this session would silently lose or invent; empty findings when all is well. */
export interface VerifyReport {
  readonly session: SessionKey;
  readonly logs: number;
  readonly entries: number;
  readonly findings: readonly Finding[];
}

/** Looks for the faults of a transcript that a resume does not report by itself. */
export async function verifySession(store: Store, session: SessionKey): Promise<VerifyReport> {
  const logs = (await store.logs(session)).filter(({ log }) => !log.startsWith("@"));
  const findings: Finding[] = [];
  let entries = 0;
  for (const { log, head } of logs) {
    findings.push(...findingsOf(log, await readLinks(store, { ...session, log })));
    entries += head;
  }
  return {
    session: { project: session.project, session: session.session },
    logs: logs.length,
    entries,
    findings,
  };
}

// What a resume is not given is not judged. Only ids are kept, so that memory follows the number of entries and not their size.
async function readLinks(store: Store, log: LogKey): Promise<Link[]> {
  const links: Link[] = [];
  for await (const page of pagesInOrder(store, log, 500)) {
    for (const { seq, body } of page) links.push(readLink(seq, body));
  }
  const old = oldClosers(links);
  return links.filter((link) => !old.has(link));
}
