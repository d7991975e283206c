import type { ReadResult, ScanParams, SessionPage, Store } from "../core/store.ts";
import { layered } from "./layered-store.ts";

/**
 * The secondary, with a mark on all that only it can read again: the ids of its logs and its page cursors. Both stores
 * give them out by themselves, so that one's may look like the other's.
 */
export function markedStore(secondary: Store): Store {
  return layered(secondary, {
    read: async (params) => markedRead(await secondary.read(unmarked(params))),
    scan: (params: ScanParams) => secondary.scan(unmarked(params)),
    sessions: async ({ cursor, ...params } = {}) =>
      markedPage(await secondary.sessions({ ...params, ...(cursor && { cursor: withoutMark(cursor) }) })),
  });
}

/** Whether an id or a cursor was given by the secondary. */
export function isMarked(text: string | undefined): boolean {
  return text?.startsWith(mark) === true;
}

// No id and no cursor of a store holds a full stop.
const mark = "2.";

function withoutMark(text: string): string {
  return isMarked(text) ? text.slice(mark.length) : text;
}

function unmarked<Params extends { readonly id?: string }>(params: Params): Params {
  return params.id === undefined ? params : { ...params, id: withoutMark(params.id) };
}

function markedRead({ id, ...result }: ReadResult): ReadResult {
  return { ...(id === undefined ? {} : { id: mark + id }), ...result };
}

function markedPage({ sessions, cursor }: SessionPage): SessionPage {
  return { sessions, ...(cursor === undefined ? {} : { cursor: mark + cursor }) };
}
