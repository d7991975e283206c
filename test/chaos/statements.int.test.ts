import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Claim, CommitParams, EndRunParams } from "../../src/core/run.ts";
import { eventLog } from "../../src/core/run.ts";
import type { Store } from "../../src/core/store.ts";
import { noTokens } from "../../src/core/usage.ts";
import { testSchemas } from "../postgres/schemas.ts";
import { openPlace } from "./open-place.ts";
import { changedSince, rowsOf } from "./rows.ts";
import { watchStatements } from "./watch-statements.ts";

/** The statement of the next transaction that fails, `BEGIN` as 0, or one behind its `COMMIT`. */
let failsAt: number | "behind COMMIT" | undefined;
let seen = -1;
let folder: string;
let place: string;
let store: Store;

beforeAll(() => {
  watchStatements({ before: failBefore, after: failAfter });
  folder = mkdtempSync(join(tmpdir(), "holdfast-statements-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schemas = testSchemas();
/** The fewest statements of a verb: of a file BEGIN, two rows and COMMIT; to a server one may bring all. */
const places: Readonly<Record<string, { readonly placeOf: () => string; readonly fewest: number }>> = {
  "a SQLite file": { placeOf: () => join(folder, "holdfast.db"), fewest: 4 },
  PostgreSQL: { placeOf: () => schemas.next(), fewest: 2 },
};

const key = (session: string) => ({ project: "p", session });

/** Each as it is at work, on a session of its own. */
const verbs: Readonly<Record<string, (session: string) => Promise<() => Promise<unknown>>>> = {
  admit: async (session) => () => store.admit({ session: key(session), key: "k", body: "{}" }),
  claim: async (session) => {
    await store.admit({ session: key(session), key: "k", body: "{}" });
    return () => store.claim({ worker: "w", leaseMs: 60_000, session });
  },
  append: async (session) => {
    const claim = await begun(session);
    return () => stage(claim, "");
  },
  "append behind an append": async (session) => {
    const log = { ...key(session), log: "" };
    await store.append({ log, entries: [{ body: '{"n":1}', uuid: "u-1" }] });
    return () => store.append({ log, entries: [{ body: '{"n":2}', uuid: "u-2" }] });
  },
  commit: async (session) => {
    const params = await committable(session);
    return () => store.commit(params);
  },
  "endRun as interrupted": async (session) => {
    const closers = [{ body: '{"closer":1}', uuid: "closer" }];
    const params = await endable(session, { as: "interrupted", closers });
    return () => store.endRun(params);
  },
  "endRun as discarded": async (session) => {
    const params = await endable(session, { as: "discarded" });
    return () => store.endRun(params);
  },
  "endRun as held": async (session) => {
    const params = await endable(session, { as: "held" });
    return () => store.endRun(params);
  },
  drop: async (session) => {
    await committable(session);
    return () => store.drop({ session: key(session), actor: "test" });
  },
  putBlob: async (session) => () => store.putBlob({ session: key(session), bytes: Buffer.from(session) }),
  advance: async (session) => {
    await store.append({ log: { ...key(session), log: "" }, entries: [{ body: "{}" }] });
    const documents = [{ session: key(session), body: "{}" }];
    return () => store.advance({ projection: session, from: 0, to: 1, documents });
  },
};

describe.each(Object.entries(places))("on %s", (_driver, { placeOf, fewest }) => {
  beforeAll(async () => {
    place = placeOf();
    store = await openPlace(place);
  });
  afterAll(() => store.close());

  describe("a transaction that fails at any of its statements", () => {
    test.each(Object.keys(verbs))(
      "leaves every row as it was before %s, and it can be done again",
      async (name) => {
        let statements = 0;
        let last = "";
        for (let at = 0; ; at += 1) {
          const verb = await verbs[name]!(`${name} ${at}`);
          const before = await rowsOf(place);
          const failed = await failing(at, verb);
          if (failed === undefined) break;
          statements += 1;
          last = failed;
          expect(failed).toMatch(/planted/);
          expect(await changedSince(before, place)).toEqual([]);
          await verb();
          expect((await changedSince(before, place)).length).toBeGreaterThan(0);
        }
        // The last is the one that would make it durable.
        expect(last).toMatch(/planted at (COMMIT|WITH|INSERT)/);
        expect(statements).toBeGreaterThanOrEqual(fewest);
      },
    );
  });

  describe("a commit of which the answer is lost", () => {
    test("was one boundary, and gives its receipt to whoever asks again, in another process too", async () => {
      const params = await committable("lost");
      expect(await failing("behind COMMIT", () => store.commit(params))).toMatch(/planted/);
      const committed = await rowsOf(place);
      const first = await store.commit(params);
      const reopened = await openPlace(place);
      const second = await reopened.commit(params);
      await reopened.close();
      expect([first.alreadyCommitted, second.alreadyCommitted]).toEqual([true, true]);
      expect(second.receipt).toEqual(first.receipt);
      expect((await store.run({ run: params.run }))?.receipt).toEqual(first.receipt);
      expect(await changedSince(committed, place)).toEqual([]);
    });
  });
});

function failBefore(sql: string): void {
  if (failsAt === undefined) return;
  if (sql.startsWith("BEGIN")) seen = 0;
  if (seen >= 0 && seen === failsAt) fail(sql);
  // Here, as several may be under way at once.
  if (seen >= 0) seen += 1;
}

function failAfter(sql: string): void {
  if (failsAt === undefined || seen < 0 || sql !== "COMMIT") return;
  if (failsAt === "behind COMMIT") fail(sql);
  failsAt = undefined;
}

function fail(sql: string): never {
  failsAt = undefined;
  seen = -1;
  throw new Error(`planted at ${sql.trim().slice(0, 40)}`);
}

/** What came out of a call whose transaction fails there; undefined: it has fewer statements. */
async function failing(
  at: number | "behind COMMIT",
  verb: () => Promise<unknown>,
): Promise<string | undefined> {
  failsAt = at;
  seen = -1;
  try {
    await verb();
    return undefined;
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    return `${String(error)} ${String(cause)}`;
  }
}

async function begun(session: string): Promise<Claim> {
  await store.admit({ session: key(session), key: "k", body: "{}" });
  return (await store.claim({ worker: "w", leaseMs: 60_000, session }))!;
}

async function stage({ run, lease }: Claim, log: string): Promise<void> {
  const entries = [1, 2].map((n) => ({ body: JSON.stringify({ n, of: run.id }), uuid: `${run.id} ${n}` }));
  await store.append({ log: { ...key(run.session), log }, entries, fence: lease, run: run.id });
}

async function committable(session: string): Promise<CommitParams> {
  const claim = await begun(session);
  await stage(claim, "");
  await stage(claim, eventLog(claim.run.id));
  const { parts } = await store.tail({ run: claim.run.id });
  const { epoch } = claim.lease;
  return {
    session: key(session),
    run: claim.run.id,
    epoch,
    parts,
    outcome: "{}",
    resumeToken: "t",
    ...extras(session),
  };
}

async function endable(session: string, how: Pick<EndRunParams, "as" | "closers">): Promise<EndRunParams> {
  const { outcome: _, ...params } = await committable(session);
  return { ...params, reason: "test", actor: "test", ...how };
}

function extras(session: string): Pick<CommitParams, "usage" | "fold"> {
  const row = {
    key: hashOf(session),
    model: "m",
    atMs: 1,
    tokens: { ...noTokens, input: 1 },
    microDollars: 1,
  };
  return { usage: [row], fold: () => ({ summary: "{}", title: "A title" }) };
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
