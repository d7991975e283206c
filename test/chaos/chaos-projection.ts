import { bySession, type Projection } from "../../src/runtime/projection.ts";

/** Counts what the feed tells of each session: a change that is applied twice, or never, makes it wrong. */
export const chaosProjection: Projection = {
  name: "chaos",
  async apply(batch) {
    // What makes a session visible: of one that nobody can see no document is kept.
    const changes = batch.changes.filter(({ kind, log }) => kind === "appended" && !log!.startsWith("@"));
    return await Promise.all(
      bySession(changes).map(async ({ session, changes: its }) => {
        const before = JSON.parse((await batch.previous(session)) ?? '{"appended":0}') as {
          appended: number;
        };
        return { session, body: JSON.stringify({ appended: before.appended + its.length }) };
      }),
    );
  },
};
