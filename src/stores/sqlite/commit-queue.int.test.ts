import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openSqliteStore } from "./index.ts";

let folder: string;
let path: string;
const log = { project: "p", session: "s", log: "" };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-queue-"));
  path = join(folder, "holdfast.db");
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

describe("while another program holds the lock", () => {
  test("each write waits its own time, counted from its own call", async () => {
    const store = openSqliteStore({ path, lockWaitMs: 60_000 });
    await store.append({ log, entries: [{ body: '{"n":0}' }] });
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const start = performance.now();
    const clock = vi.spyOn(performance, "now");
    clock.mockReturnValue(start);
    const early = store.append({ log, entries: [{ body: '{"n":1}' }] });
    const refused = expect(early).rejects.toMatchObject({ code: "store_busy" });
    clock.mockReturnValue(start + 59_000);
    const late = store.append({ log, entries: [{ body: '{"n":2}' }] });
    clock.mockReturnValue(start + 61_000);
    await refused;
    other.exec("COMMIT");
    other.close();
    expect(await late).toMatchObject({ appended: 1 });
    expect((await store.read({ log })).entries.map(({ body }) => body)).toEqual(['{"n":0}', '{"n":2}']);
    await store.close();
  });
});

describe("writes that share a transaction", () => {
  test("are told apart only when one is refused, and its neighbours are stored once", async () => {
    const store = openSqliteStore({ path });
    const keys = ["a", "b", "c"].map((session) => ({ project: "p", session, log: "" }));
    const answers = await Promise.allSettled(
      keys.map((key, at) =>
        store.append({
          log: key,
          entries: [{ body: '{"n":1}', uuid: "u-1" }],
          ...(at === 1 ? { expectHead: 9 } : {}),
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    for (const [at, key] of keys.entries())
      expect((await store.read({ log: key })).head).toBe(at === 1 ? 0 : 1);
    expect((await store.changes({ after: 0 })).changes.map(({ session }) => session)).toEqual(["a", "c"]);
    expect(await store.append({ log: keys[0]!, entries: [{ body: '{"n":1}', uuid: "u-1" }] })).toMatchObject({
      duplicates: 1,
    });
    await store.close();
  });
});
