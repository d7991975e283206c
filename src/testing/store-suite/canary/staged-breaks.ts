import { createHash } from "node:crypto";
import type { SessionKey } from "../../../core/ids.ts";
import type { Run } from "../../../core/run.ts";
import type { SessionRow, Store } from "../../../core/store.ts";
import { type Breaks, unlessRefused } from "./breaks.ts";

/** Stores that show, lose or mix up what a run has staged. */
export const stagedBreaks: Breaks = {
  "shows staged entries to every reader": [
    "staged",
    (s) => ({
      read: async (p) => {
        const open = p.run === undefined ? await openRun(s, p.log) : undefined;
        return s.read(open === undefined ? p : { ...p, run: open.id });
      },
    }),
  ],
  "scans what is staged": [
    "staged",
    (s) => ({
      async *scan(p) {
        const open = await openRun(s, p.log);
        const { entries } = await s.read(open === undefined ? p : { ...p, run: open.id });
        if (entries.length > 0) yield entries.map(({ body }) => body);
      },
    }),
  ],
  "hides what is staged from its own run": ["staged", (s) => ({ read: ({ run: _, ...p }) => s.read(p) })],
  "commits what is staged at once": ["staged", (s) => ({ append: ({ run: _, ...p }) => s.append(p) })],
  "shows a session of which all is staged": [
    "staged",
    (s) => ({
      session: async (key) =>
        (await s.session(key)) ?? ((await openRun(s, key)) ? ({ ...key } as SessionRow) : null),
    }),
  ],
  "tells the logs' real heads": [
    "staged",
    (s) => ({
      logs: async (key) => {
        const open = await openRun(s, key);
        const parts = open === undefined ? [] : (await s.tail({ run: open.id })).parts;
        return (await s.logs(key)).map((row) => ({
          ...row,
          head: parts.find(({ log }) => log === row.log)?.to ?? row.head,
        }));
      },
    }),
  ],
  "tells the feed of what is staged": [
    "staged",
    (s) => {
      let staged = 0;
      return {
        append: async (p) => {
          if (p.run !== undefined) staged += 1;
          return s.append(p);
        },
        changes: async (p) => {
          const page = await s.changes(p);
          return { ...page, position: page.position + staged };
        },
      };
    },
  ],
  "says that staged entries are committed": [
    "staged",
    (s) => ({
      append: async (p) => {
        const result = await s.append(p);
        return { ...result, committed: result.to };
      },
    }),
  ],
  "stages without a fence": [
    "staged",
    (s) => ({
      append: async (p) => {
        if (p.run === undefined || p.fence !== undefined) return s.append(p);
        return s.append({ ...p, fence: { epoch: (await s.lease(p.log))!.epoch } });
      },
    }),
  ],
  "folds what is staged": [
    "staged",
    (s) => ({
      append: async (p) => {
        if (p.run !== undefined) p.fold?.({ summary: null, title: null }, p.entries);
        return s.append(p);
      },
    }),
  ],
  "stages for a run that was taken over": [
    "staged",
    (s) => ({
      append: (p) =>
        unlessRefused(
          "run_closed",
          () => s.append(p),
          async () => ({ from: 2, to: 2, appended: 1, duplicates: 0, committed: 0 }),
        ),
    }),
  ],
  "lets others write behind what is staged": [
    "staged",
    (s) => ({
      append: (p) =>
        unlessRefused(
          "session_busy",
          () => s.append(p),
          async () => {
            const open = (await openRun(s, p.log))!;
            return s.append({ ...p, run: open.id, fence: { epoch: open.epoch } });
          },
        ),
    }),
  ],
  "closes the whole session to others during a run": [
    "staged",
    (s) => ({
      append: async (p) =>
        p.run === undefined && (await openRun(s, p.log)) !== undefined
          ? s.append({ ...p, fence: { epoch: 0 } })
          : s.append(p),
    }),
  ],
  "forgets the uuids of what is staged": [
    "staged",
    (s) => ({
      append: (p) =>
        s.append(
          p.run === undefined ? p : { ...p, entries: p.entries.map(({ uuid: _, ...entry }) => entry) },
        ),
    }),
  ],
  "reads for any run": [
    "staged",
    (s) => ({
      read: (p) =>
        unlessRefused(
          "run_unknown",
          () => s.read(p),
          () => s.read({ log: p.log }),
        ),
    }),
  ],
  "drops a log that a run writes": [
    "staged",
    (s) => ({
      drop: (p) =>
        unlessRefused(
          "session_busy",
          () => s.drop(p),
          () => ({ dropped: false, logs: 0, entries: 0, blobs: 0 }),
        ),
    }),
  ],
  "keeps the runs of a dropped session": [
    "staged",
    (s) => {
      const seen = new Map<string, Run>();
      return {
        claim: async (p) => {
          const claim = await s.claim(p);
          if (claim !== null) seen.set(claim.run.id, claim.run);
          return claim;
        },
        run: async (p) => (await s.run(p)) ?? seen.get(p.run) ?? null,
      };
    },
  ],
  "hashes bodies without their line feeds": [
    "tail",
    (s) => ({
      tail: async (p) => {
        const { run, parts } = await s.tail(p);
        const hashed = parts.map(async (part) => {
          const { entries } = await s.read({
            log: { ...run, log: part.log },
            after: part.from - 1,
            run: run.id,
          });
          const text = entries.map(({ body }) => body).join("");
          return { ...part, sha256: createHash("sha256").update(text).digest("hex") };
        });
        return { run, parts: await Promise.all(hashed) };
      },
    }),
  ],
  "sorts a tail's logs by their bytes": [
    "tail",
    (s) => ({
      tail: async (p) => {
        const { run, parts } = await s.tail(p);
        return {
          run,
          parts: parts.toSorted((a, b) => Buffer.compare(Buffer.from(a.log), Buffer.from(b.log))),
        };
      },
    }),
  ],
  "tells a tail from the log's beginning": [
    "tail",
    (s) => ({
      tail: async (p) => {
        const { run, parts } = await s.tail(p);
        return { run, parts: parts.map((part) => ({ ...part, from: 1 })) };
      },
    }),
  ],
  "tells the tail of a run that has ended": [
    "tail",
    (s) => ({
      tail: (p) =>
        unlessRefused(
          "run_closed",
          () => s.tail(p),
          async () => ({ run: (await s.run(p))!, parts: [] }),
        ),
    }),
  ],
};

async function openRun(store: Store, { project, session }: SessionKey): Promise<Run | undefined> {
  const { runs } = await store.runs({ session: { project, session }, limit: 1 });
  return runs.find(({ state }) => state === "running" || state === "held");
}
