import type { SessionRow, Store } from "../../../core/store.ts";
import type { Breaks } from "./breaks.ts";

/** Stores that show a log wrongly. */
export const readBreaks: Breaks = {
  "clamps a position in the future": [
    "read",
    (s) => ({
      read: async (p) => s.read({ ...p, after: Math.min(p.after ?? 0, (await s.read({ log: p.log })).head) }),
    }),
  ],
  "reads a tail from its front": [
    "read",
    (s) => ({
      read: async (p) => {
        const result = await s.read(p);
        return { ...result, entries: result.entries.toSorted((a, b) => a.seq - b.seq) };
      },
    }),
  ],
  "ignores the limit of a read": ["read", (s) => ({ read: ({ limit: _, ...p }) => s.read(p) })],
  "takes any limit of a read": [
    "read",
    (s) => ({
      read: ({ limit, ...p }) =>
        s.read(limit === undefined || !(limit >= 1) ? p : { ...p, limit: Math.min(Math.floor(limit), 1e6) }),
    }),
  ],
  "reads one entry too many": [
    "read",
    (s) => ({ read: (p) => s.read({ ...p, after: Math.max(0, (p.after ?? 0) - 1) }) }),
  ],
  "gives a uuid to entries that have none": [
    "read",
    (s) => ({
      read: async (p) => {
        const result = await s.read(p);
        return { ...result, entries: result.entries.map((entry) => ({ uuid: "", ...entry })) };
      },
    }),
  ],
  "shares what it returned": [
    "isolation",
    (s) => {
      const kept = new Map<string, Awaited<ReturnType<Store["read"]>>>();
      return {
        read: async (p) => {
          const key = JSON.stringify(p);
          const result = kept.get(key) ?? (await s.read(p));
          kept.set(key, result);
          return result;
        },
      };
    },
  ],
  "scans in one piece": [
    "scan",
    (s) => ({
      async *scan(p) {
        const all: string[] = [];
        for await (const piece of s.scan(p)) all.push(...piece);
        if (all.length > 0) yield all;
      },
    }),
  ],
  "scans on into what comes meanwhile": [
    "scan",
    (s) => ({
      async *scan(p) {
        let { after = 0 } = p;
        for (;;) {
          const { entries } = await s.read({ ...p, after, limit: 100 });
          if (entries.length === 0 || after > 2500) return;
          after += entries.length;
          yield entries.map(({ body }) => body);
        }
      },
    }),
  ],
  "reads on in a log that began anew": [
    "read",
    (s) => ({ read: ({ id: _, ...p }) => s.read(p), scan: ({ id: _, ...p }) => s.scan(p) }),
  ],
  "scans on in a log that began anew": ["read", (s) => ({ scan: ({ id: _, ...p }) => s.scan(p) })],
  "gives all logs one id": ["read", (s) => ({ read: async (p) => ({ ...(await s.read(p)), id: "1" }) })],
  "hides Holdfast's own logs": [
    "logs",
    (s) => ({ logs: async (k) => (await s.logs(k)).filter(({ log }) => !log.startsWith("@")) }),
  ],
};

/** Stores that show or change the catalogue wrongly. */
export const sessionBreaks: Breaks = {
  "counts Holdfast's own entries": [
    "session",
    (s) => ({
      session: (k) =>
        patched(s, k, async () => ({ entries: (await s.logs(k)).reduce((sum, { head }) => sum + head, 0) })),
    }),
  ],
  "shows a stale summary": [
    "fold",
    (s) => {
      let last: string | null = null;
      return {
        session: (k) => patched(s, k, async ({ summary }) => ({ summary: (last = summary ?? last) })),
      };
    },
  ],
  "lets a fold take the user's title": [
    "fold",
    (s) => ({
      session: (k) =>
        patched(s, k, async ({ title, summary }) => ({ title: summary === null ? title : "folded" })),
    }),
  ],
  "folds every log": [
    "fold",
    (s) => ({
      append: async (p) => {
        if (p.log.log !== "") p.fold?.({ summary: null, title: null }, p.entries);
        return s.append(p);
      },
    }),
  ],
  "lists the oldest first": [
    "sessions",
    (s) => ({
      sessions: async (p) => {
        const page = await s.sessions(p);
        return { ...page, sessions: page.sessions.toReversed() };
      },
    }),
  ],
  "loses a row at a page's end": [
    "sessions",
    (s) => ({
      sessions: async (p) => {
        const page = await s.sessions(p);
        return page.cursor === undefined ? page : { ...page, sessions: page.sessions.slice(0, -1) };
      },
    }),
  ],
  "starts anew on a cursor for another filter": [
    "sessions",
    (s) => ({
      sessions: (p) =>
        s.sessions(p).catch(() => s.sessions(p?.filter === undefined ? {} : { filter: p.filter })),
    }),
  ],
  "filters by no provider": [
    "sessions",
    (s) => ({
      sessions: ({ filter: { provider: _, ...filter } = {}, ...p } = {}) => s.sessions({ ...p, filter }),
    }),
  ],
  "takes a title filter for a pattern": [
    "sessions",
    (s) => ({
      sessions: ({ filter: { title, ...filter } = {}, ...p } = {}) =>
        s.sessions({
          ...p,
          filter: title === undefined ? filter : { ...filter, title: title.replaceAll("%", "") },
        }),
    }),
  ],
  "replaces all labels": [
    "describe",
    (s) => ({
      describe: async (p) => {
        const known = Object.keys((await s.session(p.session))?.labels ?? {}).map(
          (name) => [name, null] as const,
        );
        return s.describe(
          p.labels === undefined ? p : { ...p, labels: { ...Object.fromEntries(known), ...p.labels } },
        );
      },
    }),
  ],
  "takes a summary of any head": [
    "describe",
    (s) => ({
      describe: async (p) => {
        const head = (await s.session(p.session))?.mainHead ?? 0;
        return s.describe(p.summary === undefined ? p : { ...p, summary: { ...p.summary, head } });
      },
    }),
  ],
};

type Patch = (row: SessionRow) => Promise<Partial<SessionRow>>;

async function patched(
  store: Store,
  key: Parameters<Store["session"]>[0],
  patch: Patch,
): Promise<SessionRow | null> {
  const row = await store.session(key);
  return row === null ? null : { ...row, ...(await patch(row)) };
}
