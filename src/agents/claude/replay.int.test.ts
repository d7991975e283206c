import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import type { ClaudeEntry, ClaudeSessionKey, FoldSessionSummary } from "./contract.ts";
import { verifySession } from "./verify.ts";

/** One append of the SDK. */
interface Call {
  readonly key: ClaudeSessionKey;
  readonly entries: ClaudeEntry[];
}

const logs: Readonly<Record<string, readonly Call[]>> = {
  "a batched lifecycle": callsOf("batched-lifecycle"),
  "an eager lifecycle": callsOf("eager-lifecycle"),
  "odd text and a large output": callsOf("odd-text"),
};

const drivers = {
  memory: () => openMemoryStore(),
  sqlite: (folder: string) => openSqliteStore({ path: join(folder, "holdfast.db") }),
};

let folder: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-replay-"));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const [driver, open] of Object.entries(drivers)) {
  describe(`claudeSessionStore on ${driver}`, () => {
    beforeEach(() => {
      store = open(folder);
    });

    test.for(["a batched lifecycle", "an eager lifecycle"])(
      "A fork in %s carries uuids of its source, and both are whole.",
      async (title) => {
        const calls = logs[title]!;
        await replay(calls);
        const [source, fork] = sessionsOf(calls) as [ClaudeSessionKey, ClaudeSessionKey];
        const ofSource = uuidsOf((await sessionStore().load(source))!);
        const ofFork = uuidsOf((await sessionStore().load(fork))!);
        expect(ofFork.filter((uuid) => ofSource.includes(uuid)).length).toBeGreaterThan(5);
        expect(ofFork).toEqual(uuidsOf(storedIn(calls, fork)));
      },
    );

    for (const [title, calls] of Object.entries(logs)) {
      describe(`replays ${title}`, () => {
        test("Every transcript comes back as the SDK sent it.", async () => {
          await replay(calls);
          await assertLoads(calls);
        });

        test("A call that is sent twice adds only its entries without a uuid again.", async () => {
          const twice = calls.flatMap((call) => [call, structuredClone(call)]);
          await replay(twice);
          await assertLoads(twice);
          for (const session of sessionsOf(calls)) expect(await findingsOf(session)).toEqual([]);
        });

        test("Verification counts every entry of every session, and finds nothing wrong.", async () => {
          await replay(calls);
          for (const { projectKey, sessionId } of sessionsOf(calls)) {
            const stored = [...transcriptsOf(calls)].filter(([key]) => keyOf(key).sessionId === sessionId);
            expect(await verifySession(store, { project: projectKey, session: sessionId })).toEqual({
              session: { project: projectKey, session: sessionId },
              logs: stored.length,
              entries: stored.flatMap(([, entries]) => entries).length,
              findings: [],
            });
          }
        });

        test("Every session is listed with its subpaths and the summary of its main transcript.", async () => {
          await replay(calls);
          const sessions = sessionStore();
          const expected = sessionsOf(calls).map((key) => key.sessionId);
          const [{ projectKey }] = sessionsOf(calls) as [ClaudeSessionKey];
          const rows = await sessions.listSessions(projectKey);
          expect(rows.map(({ sessionId }) => sessionId).toSorted()).toEqual(expected.toSorted());
          const summaries = await sessions.listSessionSummaries(projectKey);
          expect(summaries.length).toBe(expected.length);
          for (const { sessionId, data } of summaries) {
            const key = { projectKey, sessionId };
            expect(data).toEqual(foldSessionSummary(undefined, key, storedIn(calls, key), { mtime: 0 }).data);
            expect(await sessions.listSubkeys(key)).toEqual(subpathsOf(calls, sessionId));
          }
        });

        test("A lost call that later entries follow is found.", async () => {
          const followed = calls.filter((call) => isFollowed(call, calls));
          expect(followed.length).toBeGreaterThan(0);
          for (const lost of followed) {
            const { projectKey, sessionId } = lost.key;
            await replay(calls.filter((call) => call !== lost));
            const found = await findingsOf({ projectKey, sessionId });
            expect(found.map(({ code }) => code)).toContainEqual(
              expect.stringMatching(/^(dangling|first)_parent$/),
            );
            for (const { projectKey: project, sessionId: session } of sessionsOf(calls))
              await store.drop({ session: { project, session }, actor: "test", sealed: false });
          }
        });
      });
    }
  });
}

test.for(Object.keys(logs))("A file holds %s after it is opened again.", async (title) => {
  store = drivers.sqlite(folder);
  await replay(logs[title]!);
  await store.close();
  store = drivers.sqlite(folder);
  await assertLoads(logs[title]!);
});

async function replay(calls: readonly Call[]): Promise<void> {
  const sessions = sessionStore();
  for (const { key, entries } of calls) await sessions.append(key, entries);
}

function sessionStore() {
  return claudeSessionStore(store, { foldSessionSummary });
}

async function assertLoads(calls: readonly Call[]): Promise<void> {
  const sessions = sessionStore();
  for (const [key, entries] of transcriptsOf(calls)) {
    const loaded = await sessions.load(keyOf(key));
    expect(loaded).toEqual(entries);
    // The text holds what an assertion would take for equal: -0, absent fields, the order of fields.
    expect(JSON.stringify(loaded)).toBe(JSON.stringify(entries));
  }
}

async function findingsOf({ projectKey, sessionId }: ClaudeSessionKey) {
  return (await verifySession(store, { project: projectKey, session: sessionId })).findings;
}

/** What each transcript must hold: what was sent to it, of two entries with one uuid the first. */
function transcriptsOf(calls: readonly Call[]): Map<string, ClaudeEntry[]> {
  const transcripts = new Map<string, ClaudeEntry[]>();
  for (const { key, entries } of calls) {
    const held = transcripts.get(JSON.stringify(key)) ?? [];
    transcripts.set(JSON.stringify(key), held);
    for (const entry of entries)
      if (entry.uuid === undefined || !uuidsOf(held).includes(entry.uuid)) held.push(entry);
  }
  return transcripts;
}

function storedIn(calls: readonly Call[], key: ClaudeSessionKey): never[] {
  return transcriptsOf(calls).get(JSON.stringify(key)) as never[];
}

function sessionsOf(calls: readonly Call[]): ClaudeSessionKey[] {
  return [...transcriptsOf(calls).keys()].map(keyOf).filter(({ subpath }) => subpath === undefined);
}

function subpathsOf(calls: readonly Call[], sessionId: string): string[] {
  const keys = [...transcriptsOf(calls).keys()].map(keyOf).filter((key) => key.sessionId === sessionId);
  return keys.flatMap(({ subpath }) => subpath ?? []).toSorted();
}

/** Whether another call has an entry whose parent is one of this call's. */
function isFollowed(lost: Call, calls: readonly Call[]): boolean {
  const same = calls.filter(
    ({ key }) => key !== lost.key && JSON.stringify(key) === JSON.stringify(lost.key),
  );
  const parents = new Set(same.flatMap(({ entries }) => entries.map((entry) => entry["parentUuid"])));
  return uuidsOf(lost.entries).some((uuid) => parents.has(uuid));
}

function uuidsOf(entries: readonly ClaudeEntry[]): string[] {
  return entries.flatMap(({ uuid }) => uuid ?? []);
}

function keyOf(text: string): ClaudeSessionKey {
  return JSON.parse(text) as ClaudeSessionKey;
}

function callsOf(name: string): Call[] {
  const text = readFileSync(join(import.meta.dirname, "fixtures", `${name}.jsonl`), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Call);
}

// A function, so that the tests above may be declared before it.
function foldSessionSummary(
  ...[previous, { sessionId }, entries, { mtime }]: Parameters<FoldSessionSummary>
) {
  const types: Record<string, number> = { ...(previous?.data["types"] as Record<string, number>) };
  for (const { type } of entries as ClaudeEntry[]) types[type] = (types[type] ?? 0) + 1;
  return { sessionId, mtime, data: { types } };
}
