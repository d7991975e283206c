import type { LiveEvent } from "../core/event.ts";
import type { SessionKey } from "../core/ids.ts";
import {
  type KeptLink,
  linkEntry,
  linksIn,
  linksLog,
  type Making,
  makingOf,
  readLink,
} from "../core/links.ts";
import type { Store } from "../core/store.ts";
import type { ObservedRun, RunObserver } from "./observers.ts";

/**
 * Keeps, with the session, links to the pull requests, merge requests and commits that its runs made: read from the
 * results of the calls that make them, and only where there is no doubt. What was made is kept whatever becomes of the run.
 */
export function linkObserver({ store }: { readonly store: Store }): RunObserver {
  const open = new WeakMap<ObservedRun, Map<string, Making>>();
  return {
    name: "links",
    onEvent(context, event) {
      const calls = open.get(context) ?? new Map<string, Making>();
      open.set(context, calls);
      const links = linksOf(calls, context.run, event);
      return links.length === 0 ? undefined : keep(store, context, links);
    },
  };
}

/** What the runs of a session made, oldest first: the first 1,000. */
export async function readLinks(
  store: Store,
  { project, session }: SessionKey,
): Promise<readonly KeptLink[]> {
  const { entries } = await store.read({ log: { project, session, log: linksLog }, limit: 1000 });
  const links = entries.flatMap(({ body }) => readLink(body) ?? []);
  // A commit that was pushed is told once more, with its address.
  const pushed = links.flatMap(({ commit, url }) => (url === undefined ? [] : (commit ?? [])));
  const isOnce = ({ commit = "", url }: KeptLink): boolean =>
    url !== undefined || !pushed.some((other) => other.startsWith(commit) || commit.startsWith(other));
  return links.filter(isOnce);
}

function linksOf(calls: Map<string, Making>, run: string, event: LiveEvent): readonly KeptLink[] {
  if (event.type === "tool_call") {
    const making = makingOf(event);
    if (making !== undefined) calls.set(event.call, making);
  }
  if (event.type !== "tool_summary") return [];
  const { call, ok, text } = event;
  const making = calls.get(call);
  calls.delete(call);
  return making === undefined || !ok ? [] : linksIn(making, text).map((link) => ({ ...link, run, call }));
}

async function keep(
  store: Store,
  { session, input, fence }: ObservedRun,
  links: readonly KeptLink[],
): Promise<void> {
  await store.append({
    log: { ...session, log: linksLog },
    entries: links.map(linkEntry),
    fence,
    provider: input.provider,
    reopen: "unsealed",
  });
}
