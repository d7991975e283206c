import type { Store } from "../../../core/store.ts";
import { type Breaks, unlessRefused } from "./breaks.ts";

/** Stores that count usage wrongly. */
export const usageBreaks: Breaks = {
  "counts a response in each session": [
    "usage",
    (s) => ({
      recordUsage: (p) =>
        s.recordUsage({
          ...p,
          rows: p.rows.map((row) => ({ ...row, key: `${p.session.session} ${row.key}` })),
        }),
    }),
  ],
  "counts a response each time": [
    "usage",
    (s) => {
      let count = 0;
      return {
        recordUsage: (p) =>
          s.recordUsage({ ...p, rows: p.rows.map((row) => ({ ...row, key: `${(count += 1)}` })) }),
      };
    },
  ],
  "keeps the first usage that it saw of a response": [
    "usage",
    (s) => {
      const known = new Set<string>();
      return {
        recordUsage: (p) => {
          const rows = p.rows.filter(({ key }) => !known.has(key));
          for (const { key } of rows) known.add(key);
          return s.recordUsage({ ...p, rows });
        },
      };
    },
  ],
  "takes the usage of a dropped session": [
    "usage",
    (s) => ({
      recordUsage: async (p) => {
        const session = { ...p.session, session: `${p.session.session}-again` };
        return (await s.tombstone(p.session)) === null ? s.recordUsage(p) : s.recordUsage({ ...p, session });
      },
    }),
  ],
  "says that all usage is new": [
    "usage",
    (s) => ({
      recordUsage: async (p) => {
        await s.recordUsage(p);
        return { added: p.rows.length };
      },
    }),
  ],
  "takes what has no price for free": [
    "usage",
    (s) => ({ usage: async (p) => (await s.usage(p)).map((group) => ({ ...group, unpriced: 0 })) }),
  ],
  "counts the last millisecond": [
    "usage",
    (s) => ({
      usage: (p) => s.usage(p.untilMs === undefined ? p : { ...p, untilMs: p.untilMs + 1 }),
    }),
  ],
  "leaves out the first millisecond": [
    "usage",
    (s) => ({
      usage: (p) => s.usage(p.sinceMs === undefined ? p : { ...p, sinceMs: p.sinceMs + 1 }),
    }),
  ],
  "counts the usage of every session": ["usage", (s) => ({ usage: ({ session: _, ...p }) => s.usage(p) })],
  "counts the usage of every project": ["usage", (s) => ({ usage: ({ project: _, ...p }) => s.usage(p) })],
  "cuts days at another hour": [
    "usage",
    (s) => ({
      recordUsage: (p) =>
        s.recordUsage({ ...p, rows: p.rows.map((row) => ({ ...row, atMs: row.atMs + 3_600_000 })) }),
    }),
  ],
  "sorts groups by their size": [
    "usage",
    (s) => ({ usage: async (p) => (await s.usage(p)).toSorted((a, b) => b.responses - a.responses) }),
  ],
  "leaves out sessions without the label": [
    "usage",
    (s) => ({ usage: async (p) => (await s.usage(p)).filter(({ name }) => name !== null) }),
  ],
  "keeps groups by the labels of then": [
    "usage",
    (s) => {
      const known = new Map<string, Awaited<ReturnType<Store["usage"]>>>();
      return {
        usage: async (p) => {
          const key = JSON.stringify(p);
          if (typeof p.by === "string") return s.usage(p);
          const groups = known.get(key) ?? (await s.usage(p));
          known.set(key, groups);
          return groups;
        },
      };
    },
  ],
  "keeps the usage of a dropped session": [
    "usage",
    (s) => {
      let groups: Awaited<ReturnType<Store["usage"]>> | undefined;
      return {
        drop: async (p) => {
          groups = await s.usage({ by: "session" });
          return s.drop(p);
        },
        usage: async (p) => groups ?? s.usage(p),
      };
    },
  ],
  "adds in 32 bits": [
    "usage",
    (s) => ({
      usage: async (p) =>
        (await s.usage(p)).map((group) => ({ ...group, microDollars: group.microDollars | 0 })),
    }),
  ],
};

/** Stores whose projections lose their place or their documents. */
export const projectionBreaks: Breaks = {
  "takes a step from anywhere": [
    "projections",
    (s) => ({
      advance: (p) =>
        unlessRefused(
          "position_conflict",
          () => s.advance(p),
          (data) => s.advance({ ...p, from: data["position"] as number }),
        ),
    }),
  ],
  "keeps the documents of a step that was refused": [
    "projections",
    (s) => ({
      advance: (p) =>
        unlessRefused(
          "position_conflict",
          () => s.advance(p),
          async (data) => {
            const at = data["position"] as number;
            await s.advance({ ...p, from: at, to: at });
            return s.advance(p);
          },
        ),
    }),
  ],
  "clears nothing": ["projections", (s) => ({ advance: ({ clear: _, ...p }) => s.advance(p) })],
  "clears behind the documents": [
    "projections",
    (s) => ({
      advance: async (p) => {
        const row = await s.advance(p);
        return p.clear === true
          ? s.advance({ projection: p.projection, from: p.to, to: p.to, clear: true })
          : row;
      },
    }),
  ],
  "keeps documents of sessions that are not there": [
    "projections",
    (s) => {
      const kept = new Map<string, string | null>();
      return {
        advance: async (p) => {
          const row = await s.advance(p);
          for (const { session, body } of p.documents ?? [])
            if ((await s.session(session)) === null) kept.set(session.session, body);
          return row;
        },
        projected: async (p) => (await s.projected(p)) ?? kept.get(p.session.session) ?? null,
      };
    },
  ],
  "keeps the documents of a dropped session": [
    "projections",
    (s) => {
      const kept = new Map<string, string | null>();
      return {
        drop: async (p) => {
          const { session } = p;
          kept.set(session.session, await s.projected({ projection: "stats", session }));
          return s.drop(p);
        },
        projected: async (p) => (await s.projected(p)) ?? kept.get(p.session.session) ?? null,
      };
    },
  ],
  "encodes documents anew": [
    "projections",
    (s) => ({
      projected: async (p) => {
        const body = await s.projected(p);
        return body === null ? null : JSON.stringify(JSON.parse(body));
      },
    }),
  ],
  "folds the case of projections": [
    "projections",
    (s) => ({ advance: (p) => s.advance({ ...p, projection: p.projection.toLowerCase() }) }),
  ],
  "goes on by itself after a step": [
    "projections",
    (s) => ({
      advance: async (p) => {
        await s.advance(p);
        return s.setProjection({ projection: p.projection, paused: false });
      },
    }),
  ],
  "keeps the error of a step that was mended": [
    "projections",
    (s) => {
      let error: string | null | undefined;
      return {
        setProjection: async (p) => {
          error = p.error;
          return s.setProjection(p);
        },
        advance: async (p) => {
          const row = await s.advance(p);
          return error ? s.setProjection({ projection: p.projection, error }) : row;
        },
      };
    },
  ],
  "forgets the error when it is paused": [
    "projections",
    (s) => ({ setProjection: ({ error = null, ...p }) => s.setProjection({ ...p, error }) }),
  ],
  "feeds the feed with its projections": [
    "projections",
    (s) => ({
      advance: async (p) => {
        const row = await s.advance(p);
        const [first] = p.documents ?? [];
        if (first !== undefined && (await s.session(first.session)) !== null)
          await s.describe({ session: first.session });
        return row;
      },
    }),
  ],
};

/** Stores that forget who decided what, or by what a session is resumed. */
export const recordBreaks: Breaks = {
  "tells the record oldest first": [
    "audit",
    (s) => ({ audit: async (p) => (await s.audit(p)).toReversed() }),
  ],
  "tells the record of every session": [
    "audit",
    (s) => ({ audit: ({ session: _, ...p } = {}) => s.audit(p) }),
  ],
  "drops sessions off the record": [
    "audit",
    (s) => ({ audit: async (p) => (await s.audit(p)).filter(({ verb }) => verb !== "dropped") }),
  ],
  "forgets the record of what was dropped": [
    "audit",
    (s) => ({
      audit: async (p) => {
        const rows = await s.audit(p);
        const dropped = rows.filter(({ verb }) => verb === "dropped").map(({ session }) => session);
        return rows.filter(({ verb, session }) => verb === "dropped" || !dropped.includes(session));
      },
    }),
  ],
  "forgets why a session was dropped": ["audit", (s) => ({ drop: ({ reason: _, ...p }) => s.drop(p) })],
  "forgets the token of a session": [
    "resume",
    (s) => ({
      session: async (key) => {
        const row = await s.session(key);
        return row === null ? null : { ...row, resumeToken: null };
      },
    }),
  ],
  "leaves a key where it was": [
    "resume",
    (s) => {
      const keys = new Map<string, string>();
      return {
        describe: async (p) => {
          const row = await s.describe(p);
          if (row.resumeKey !== null) keys.set(`${row.project} ${row.session}`, row.resumeKey);
          return row;
        },
        session: async (key) => {
          const row = await s.session(key);
          return row && { ...row, resumeKey: keys.get(`${row.project} ${row.session}`) ?? row.resumeKey };
        },
      };
    },
  ],
  "moves a key over projects": [
    "resume",
    (s) => ({
      describe: async (p) => {
        const resumeKey = p.resume?.key;
        if (resumeKey !== undefined)
          for (const { project, session } of (await s.sessions({ filter: { resumeKey } })).sessions)
            if (project !== p.session.project)
              await s.describe({ session: { project, session }, resume: null });
        return s.describe(p);
      },
    }),
  ],
  "forgets the key with every description": [
    "resume",
    (s) => ({ describe: (p) => s.describe({ resume: null, ...p }) }),
  ],
  "finds sessions of any key": [
    "resume",
    (s) => ({
      sessions: ({ filter: { resumeKey: _, ...filter } = {}, ...p } = {}) => s.sessions({ ...p, filter }),
    }),
  ],
  "keeps the token when the lease is cleared": [
    "resume",
    (s) => ({
      clearLease: async (p) => {
        const row = await s.session(p.session);
        const result = await s.clearLease(p);
        if (row?.resumeKey && row.resumeToken)
          await s.describe({ session: p.session, resume: { key: row.resumeKey, token: row.resumeToken } });
        return result;
      },
    }),
  ],
  "forgets the key when the lease is cleared": [
    "resume",
    (s) => ({
      clearLease: async (p) => {
        const result = await s.clearLease(p);
        await s.describe({ session: p.session, resume: null });
        return result;
      },
    }),
  ],
  "goes on in the list of another key": [
    "resume",
    (s) => ({
      sessions: (p = {}) =>
        unlessRefused(
          "cursor_invalid",
          () => s.sessions(p),
          () => s.sessions(p.filter === undefined ? {} : { filter: p.filter }),
        ),
    }),
  ],
};
