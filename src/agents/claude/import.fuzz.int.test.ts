import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import type { ClaudeEntry } from "./contract.ts";
import { importClaudeTranscripts } from "./import.ts";
import { rescueSession } from "./rescue.ts";
import { verifySession } from "./verify.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-fuzz-"));
  mkdirSync(join(folder, "projects", "p"), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const session = { project: "p", session: "s" };
const key = { projectKey: "p", sessionId: "s" };

function write(text: string | Uint8Array): void {
  writeFileSync(join(folder, "projects", "p", "s.jsonl"), text);
}

const run = (store: Store) =>
  importClaudeTranscripts({ store, configDir: folder, resumeDirs: [], recheck: true });

async function bodies(store: Store): Promise<string[]> {
  return (await store.read({ log: { ...session, log: "" } })).entries.map(({ body }) => body);
}

const anyLine = fc.oneof(
  fc.json().map((text) => Buffer.from(text)),
  fc.dictionary(fc.string(), fc.jsonValue()).map((entry) => Buffer.from(JSON.stringify(entry))),
  fc
    .tuple(fc.constantFrom("a", "b", "c"), fc.jsonValue())
    .map(([uuid, value]) => Buffer.from(JSON.stringify({ uuid, value }))),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a))),
  fc.constantFrom("", " ", "\r", "{}", '{"uuid":""}', "\u2028", '{"a":\r1}').map((text) => Buffer.from(text)),
);

const oddFields = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    "user",
    "assistant",
    "system",
    "custom-title",
    "compact_boundary",
    "tool_use",
    "tool_result",
    null,
  ),
);

describe("the import of arbitrary files", () => {
  test("accounts for every line: stored, counted, reported or blank; and adds nothing a second time", async () => {
    const files = fc.tuple(fc.array(anyLine, { maxLength: 12 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(files, async ([lines, ended]) => {
        await using store = disposable(openMemoryStore());
        write(Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [Buffer.from("\n"), line]))));
        if (ended) write(Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")])));
        const { entries, duplicates, problems } = await run(store);
        const left = problems.filter((problem) => problem.includes("left out"));
        const blank = lines.filter(isBlank).length;
        expect(entries + duplicates + left.length + blank).toBe(lines.length);
        const stored = await bodies(store);
        expect(stored.length).toBe(entries);
        expect((await run(store)).entries).toBe(0);
        expect(await bodies(store)).toEqual(stored);
        await verifySession(store, session);
      }),
      { numRuns: 150 },
    );
  });

  test("never trips over the shape of an entry, in titles, summaries or verification", async () => {
    const entry = fc.record(
      {
        type: oddFields,
        subtype: oddFields,
        parentUuid: fc.oneof(fc.constantFrom("a", "b", null), fc.jsonValue()),
        customTitle: fc.jsonValue(),
        isMeta: fc.jsonValue(),
        message: fc.oneof(
          fc.jsonValue(),
          fc.record({ content: fc.oneof(fc.jsonValue(), fc.array(fc.dictionary(fc.string(), oddFields))) }),
          fc.record({
            content: fc.array(
              fc.record({ type: oddFields, text: oddFields, id: oddFields, tool_use_id: oddFields }),
            ),
          }),
        ),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 6 }), async (entries) => {
        await using store = disposable(openMemoryStore());
        const keyed = entries.map((fields, at) => ({
          ...fields,
          uuid: "abcdef"[at],
        })) as unknown as ClaudeEntry[];
        await claudeSessionStore(store).append(key, keyed);
        expect(JSON.stringify(await claudeSessionStore(store).load(key))).toBe(
          keyed.length === 0 ? "null" : JSON.stringify(keyed),
        );
        await verifySession(store, session);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a mirror, an import and a rescue of one session, in any order", () => {
  test("end with each entry of the file once, and with nothing else", async () => {
    const lines = Array.from({ length: 10 }, (_, at) => {
      const link = { uuid: `u${at}`, parentUuid: at === 0 ? null : `u${at - 1}` };
      const timestamp = new Date(1_790_000_000_000 + at * 1000).toISOString();
      return { type: at % 2 === 0 ? "user" : "assistant", ...link, timestamp } as ClaudeEntry;
    });
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("mirror" as const),
        from: fc.nat(9),
        count: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({
        kind: fc.constantFrom("import" as const, "rescue" as const),
        size: fc.integer({ min: 1, max: 10 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        await using store = disposable(openSqliteStore({ path: join(folder, `${crypto.randomUUID()}.db`) }));
        const sessions = claudeSessionStore(store);
        const bring = async (size: number, rescue: boolean): Promise<void> => {
          write(
            lines
              .slice(0, size)
              .map((line) => `${JSON.stringify(line)}\n`)
              .join(""),
          );
          if (rescue) await rescueSession({ store, session, configDir: folder, resumeDirs: [] });
          else expect((await run(store)).problems).toEqual([]);
        };
        for (const one of steps) {
          if (one.kind === "mirror") await sessions.append(key, lines.slice(one.from, one.from + one.count));
          else await bring(one.size, one.kind === "rescue");
        }
        await bring(10, true);
        expect((await bodies(store)).toSorted()).toEqual(
          lines.map((line) => JSON.stringify(line)).toSorted(),
        );
        expect((await verifySession(store, session)).findings).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

function isBlank(line: Buffer): boolean {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line).trim() === "";
  } catch {
    return false;
  }
}

function disposable(store: Store): Store & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
