import type { Breaks } from "./breaks.ts";

/** Stores that remove too much or too little. */
export const sweepBreaks: Breaks = {
  "sweeps what is still young": ["sweep", (s) => ({ sweep: (p) => s.sweep({ ...p, minAgeMs: 0 }) })],
  "sweeps nothing": ["sweep", () => ({ sweep: async () => ({ removed: [] }) })],
  "sweeps although it was only to tell": ["sweep", (s) => ({ sweep: ({ dryRun: _, ...p }) => s.sweep(p) })],
  "keeps the projections that nobody runs": [
    "sweep",
    (s) => ({ sweep: ({ projections: _, ...p }) => s.sweep(p) }),
  ],
  "sweeps all projections where none is named": [
    "sweep",
    (s) => ({ sweep: (p) => s.sweep({ projections: [], ...p }) }),
  ],
  "sweeps the blobs of sessions that are only asked for": [
    "sweep",
    (s) => ({
      sweep: async (p) => {
        const inputs = await s.inputs({ state: "queued" });
        if (p.dryRun !== true)
          for (const { project, session } of inputs)
            await s.drop({ session: { project, session }, actor: "x" });
        return s.sweep(p);
      },
    }),
  ],
  "tells its watchers of a sweep": [
    "sweep",
    (s) => ({
      sweep: async (p) => {
        await s.append({ log: { project: "p", session: "s", log: "" }, entries: [{ body: "{}" }] });
        return s.sweep(p);
      },
    }),
  ],
};
