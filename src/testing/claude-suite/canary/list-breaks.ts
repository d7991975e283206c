import { setImmediate as nextTurn } from "node:timers/promises";
import type { SuiteSummary } from "../contract.ts";
import type { Breaks } from "./plain-store.ts";

/** Stores whose lists and summaries show something else, or something old. */
export const listBreaks: Breaks = {
  "lists sessions of every project": [
    "listSessions",
    (s) => ({ summariesOf: () => [...s.summaries.values()] }),
  ],
  "lists the sessions of projects that begin alike": [
    "listSessions",
    (s) => ({
      summariesOf: (projectKey) =>
        [...s.summaries]
          .filter(([id]) => s.keyOf(id).projectKey.startsWith(projectKey))
          .map(([, found]) => found),
    }),
  ],
  "lists the first 1,000 sessions only": [
    "listSessions",
    (_, plain) => ({
      listSessions: async (projectKey) => (await plain.listSessions(projectKey)).slice(0, 1000),
    }),
  ],
  "lists a session that has only a subpath": [
    "listSessions",
    (s) => ({
      listSessions: async (projectKey) => {
        const held = [...s.logs.keys()]
          .map((id) => s.keyOf(id))
          .filter((key) => key.projectKey === projectKey);
        const ids = new Set(held.map(({ sessionId }) => sessionId));
        return [...ids].map((sessionId) => ({ sessionId, mtime: Date.now() }));
      },
    }),
  ],
  "gives an entry's time for the session's": ["listSessions", () => ({ now: () => 978_307_200_000 })],
  "gives seconds": ["listSessions", () => ({ now: () => Math.floor(Date.now() / 1000) })],
  "gives fractions of milliseconds": ["listSessions", () => ({ now: () => Date.now() + 0.5 })],
  "keeps the time of the first write": [
    "listSessions",
    (s, plain) => ({
      foldInto: (key, ...rest) => {
        const { mtime } = s.summaries.get(s.idOf(key)) ?? {};
        plain.foldInto(key, ...rest);
        const summary = s.summaries.get(s.idOf(key))!;
        s.summaries.set(s.idOf(key), { ...summary, mtime: mtime ?? summary.mtime });
      },
    }),
  ],
  "follows a clock that steps back": [
    "listSessions",
    (s, plain) => {
      let steps = 0;
      return {
        foldInto: (...args) => {
          plain.foldInto(...args);
          const id = s.idOf(args[0]);
          s.summaries.set(id, { ...s.summaries.get(id)!, mtime: Date.now() - (steps += 1) * 1000 });
        },
      };
    },
  ],
  "names the main transcript among the subpaths": [
    "listSubkeys",
    (_, plain) => ({ listSubkeys: async (key) => [...(await plain.listSubkeys(key)), ""] }),
  ],
  "gives the subpaths of sessions that begin alike": [
    "listSubkeys",
    (s) => ({
      listSubkeys: async ({ projectKey, sessionId }) =>
        [...s.logs.keys()]
          .map((id) => s.keyOf(id))
          .filter((held) => held.projectKey === projectKey && held.sessionId.startsWith(sessionId))
          .flatMap(({ subpath }) => subpath ?? []),
    }),
  ],
  "gives the subpaths of the first level": [
    "listSubkeys",
    (_, plain) => ({
      listSubkeys: async (key) => {
        const levels = (await plain.listSubkeys(key)).map((subpath) =>
          subpath.split("/").slice(0, 2).join("/"),
        );
        return [...new Set(levels)];
      },
    }),
  ],
  "folds subpaths": [
    "listSessionSummaries",
    (_, plain) => ({
      foldInto: ({ projectKey, sessionId }, ...rest) => plain.foldInto({ projectKey, sessionId }, ...rest),
      isFolded: () => true,
    }),
  ],
  "folds what was sent again": [
    "listSessionSummaries",
    (_, plain) => ({ foldInto: (key, _fresh, sent) => plain.foldInto(key, sent, sent) }),
  ],
  "folds each append from the start": [
    "listSessionSummaries",
    (s, plain) => ({
      foldInto: (key, ...rest) => {
        s.summaries.delete(s.idOf(key));
        plain.foldInto(key, ...rest);
      },
    }),
  ],
  "loses a fold when two appends race": [
    "listSessionSummaries",
    (s, plain) => ({
      append: async (key, entries) => {
        const before = s.summaries.get(s.idOf(key));
        await nextTurn();
        if (before !== undefined) s.summaries.set(s.idOf(key), before);
        else s.summaries.delete(s.idOf(key));
        await plain.append(key, entries);
      },
    }),
  ],
  "gives a summary an older time than its session": [
    "listSessionSummaries",
    (_, plain) => ({
      listSessionSummaries: async (projectKey) =>
        (await plain.listSessionSummaries(projectKey)).map((row) => ({ ...row, mtime: row.mtime - 1 })),
    }),
  ],
  "moves a session's time with its subpaths, but not its summary's": [
    "listSessionSummaries",
    (s, plain) => {
      const writtenMs = new Map<string, number>();
      return {
        append: async (key, entries) => {
          await plain.append(key, entries);
          writtenMs.set(s.idOf({ ...key, subpath: undefined }), Date.now());
        },
        listSessions: async (projectKey) =>
          (await plain.listSessions(projectKey)).map(({ sessionId }) => ({
            sessionId,
            mtime: writtenMs.get(s.idOf({ projectKey, sessionId, subpath: undefined }))!,
          })),
      };
    },
  ],
  "keeps of a summary what is not nested": [
    "listSessionSummaries",
    (_, plain) => ({
      listSessionSummaries: async (projectKey) => (await plain.listSessionSummaries(projectKey)).map(flat),
    }),
  ],
  "gives out its own summaries": [
    "listSessionSummaries",
    (s) => ({ listSessionSummaries: async (projectKey) => s.summariesOf(projectKey) }),
  ],
  "gives the summaries of every project": [
    "listSessionSummaries",
    (s) => ({ listSessionSummaries: async () => structuredClone([...s.summaries.values()]) }),
  ],
};

/** Stores that delete too much or too little. */
export const deleteBreaks: Breaks = {
  "leaves subpaths when it deletes a session": [
    "delete",
    (s) => ({
      delete: async (key) => {
        s.logs.delete(s.idOf(key));
        s.summaries.delete(s.idOf(key));
      },
    }),
  ],
  "deletes 999 subpaths at most": [
    "delete",
    (s) => ({
      delete: async (key) => {
        const of = [...s.logs.keys()].filter(
          (id) =>
            s.isOf(s.keyOf(id), key) && (key.subpath === undefined || s.keyOf(id).subpath === key.subpath),
        );
        for (const id of of.slice(0, 999)) {
          s.logs.delete(id);
          s.summaries.delete(id);
        }
      },
    }),
  ],
  "deletes by the beginning of an id": [
    "delete",
    () => ({
      isOf: (held, key) => held.projectKey === key.projectKey && held.sessionId.startsWith(key.sessionId),
    }),
  ],
  "deletes a session in every project": [
    "delete",
    () => ({ isOf: (held, key) => held.sessionId === key.sessionId }),
  ],
  "deletes what lies below a subpath": [
    "delete",
    () => ({ isSubpath: (held, key) => held.subpath?.startsWith(key.subpath!) === true }),
  ],
  "deletes the session when a subpath is meant": ["delete", () => ({ isSubpath: () => true })],
  "throws on deleting what was never written": [
    "delete",
    (s, plain) => ({
      delete: async (key) => {
        if (!s.logs.has(s.idOf(key))) throw new Error("not found");
        await plain.delete(key);
      },
    }),
  ],
  "refuses a session that was deleted": [
    "delete",
    (s, plain) => {
      const deleted = new Set<string>();
      return {
        delete: async (key) => {
          await plain.delete(key);
          deleted.add(s.idOf(key));
        },
        append: async (key, entries) => {
          if (deleted.has(s.idOf(key))) throw new Error("deleted");
          await plain.append(key, entries);
        },
      };
    },
  ],
  "remembers the uuids of a deleted session": [
    "delete",
    (s, plain) => {
      const seen = new Set<string>();
      return {
        append: async (key, entries) => {
          const fresh = entries.filter(({ uuid }) => !seen.has(s.idOf(key) + uuid));
          for (const { uuid } of fresh) seen.add(s.idOf(key) + uuid);
          await plain.append(key, fresh);
        },
      };
    },
  ],
  "lists a deleted session that a subpath comes to": [
    "delete",
    (s, plain) => {
      const known = new Map<string, SuiteSummary>();
      return {
        append: async (key, entries) => {
          await plain.append(key, entries);
          const id = s.idOf({ ...key, subpath: undefined });
          if (key.subpath === undefined) known.set(id, s.summaries.get(id)!);
          else if (known.has(id)) s.summaries.set(id, known.get(id)!);
        },
      };
    },
  ],
  "keeps the summary of a deleted session": [
    "listSessionSummaries",
    (s, plain) => ({
      delete: async (key) => {
        const kept = new Map(s.summaries);
        await plain.delete(key);
        for (const [id, summary] of kept) s.summaries.set(id, summary);
      },
    }),
  ],
};

function flat(summary: SuiteSummary): SuiteSummary {
  const data = Object.entries(summary.data).filter(
    ([, value]) => typeof value !== "object" || value === null,
  );
  return { ...summary, data: Object.fromEntries(data) };
}
