import { expect, onTestFinished, test } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import { openPostgresStore } from "./index.ts";

const schemas = testSchemas();
const count = 300;

/** Lists all sessions, whose entries are `apartMs` apart and were written in no order, by pages of `limit`. */
async function listed({ apartMs, limit }: { readonly apartMs: number; readonly limit: number }) {
  const store = await openPostgresStore({ url: schemas.next(), connections: 4 });
  onTestFinished(() => store.close());
  const wanted = Array.from({ length: count }, (_, at) => (at * 7) % count);
  await Promise.all(
    wanted.map((at) =>
      store.append({
        log: { project: "p", session: `s${at}`, log: "" },
        entries: [{ body: "{}", atMs: 1_000_000 + at * apartMs }],
      }),
    ),
  );
  const times: number[] = [];
  const names = new Set<string>();
  let cursor: string | undefined;
  do {
    const page = await store.sessions({ limit, ...(cursor === undefined ? {} : { cursor }) });
    cursor = page.cursor;
    if (cursor !== undefined) expect(page.sessions).toHaveLength(limit);
    times.push(...page.sessions.map(({ updatedAtMs }) => updatedAtMs));
    for (const { session } of page.sessions) names.add(session);
  } while (cursor !== undefined);
  return { times, names };
}

test.each([
  ["of one moment", 0],
  ["of some eighths of a second", 7],
  ["of a long time", 1000],
])("pages of sessions %s are whole and in order", async (_, apartMs) => {
  for (const limit of [210, 50]) {
    const { times, names } = await listed({ apartMs, limit });
    expect(names.size).toBe(count);
    expect(times).toHaveLength(count);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  }
});
