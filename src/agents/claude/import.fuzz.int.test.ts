import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isUuid } from "../../core/entry.ts";
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

const run = (store: Store, { recheck = true } = {}) =>
  importClaudeTranscripts({ store, configDir: folder, resumeDirs: [], recheck });

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
  fc
    .constantFrom(
      "",
      " ",
      "\r",
      "{}",
      '{"uuid":""}',
      "\u2028",
      '{"a":\r1}',
      '{"a":"\r"}',
      "\ufeff{}",
      "{}\u00a0",
      "{}\0",
    )
    .map((text) => Buffer.from(text)),
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
  test("stores every line as it is, or names its number; and adds nothing a second time", async () => {
    const files = fc.tuple(fc.array(anyLine, { maxLength: 12 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(files, async ([lines, ended]) => {
        await using store = disposable(openMemoryStore());
        write(Buffer.concat(lines.flatMap((line, at) => (at === 0 ? [line] : [Buffer.from("\n"), line]))));
        if (ended) write(Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")])));
        const { entries, duplicates, problems } = await run(store);
        const wanted = lines.map(wantedOf);
        const stored = wanted.filter((one, at) => isFirst(one, wanted.slice(0, at)));
        expect(await bodies(store)).toEqual(stored.map(({ body }) => body));
        expect([entries, duplicates]).toEqual([
          stored.length,
          wanted.filter(({ body }) => body !== undefined).length - stored.length,
        ]);
        const left = problems.filter((problem) => problem.includes("left out"));
        expect(left.map((problem) => Number(/s\.jsonl:(\d+):/.exec(problem)![1]))).toEqual(
          wanted.flatMap(({ fault }, at) => (fault ? [at + 1] : [])),
        );
        expect((await run(store)).entries).toBe(0);
        expect(await bodies(store)).toEqual(stored.map(({ body }) => body));
        await verifySession(store, session);
      }),
      { numRuns: 300 },
    );
  });

  test("ends with any bytes, and says the same of them when asked again", async () => {
    const words = fc.constantFrom(
      '{"uuid":"a"}',
      '{"x":',
      "\n",
      "\n\n",
      "\r\n",
      "\ufeff",
      "\0",
      '"',
      "}",
      "é",
    );
    const bytes = fc.array(
      fc.oneof(
        words.map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 30 }).map((some) => Buffer.from(some)),
      ),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (parts) => {
        await using store = disposable(openMemoryStore());
        write(Buffer.concat(parts));
        const first = await run(store);
        const second = await run(store);
        expect(second.problems).toEqual(first.problems);
        expect([second.entries, second.duplicates]).toEqual([0, first.entries + first.duplicates]);
      }),
      { numRuns: 300 },
    );
  });

  test("never trips over the shape of an entry, in titles, summaries or verification", async () => {
    const entry = fc.record(
      {
        uuid: fc.oneof(fc.constantFrom("a", "b", "c", "d"), fc.jsonValue()),
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
        await claudeSessionStore(store).append(key, entries as unknown as ClaudeEntry[]);
        const kept = entries.filter(
          ({ uuid }, at) => !isUuid(uuid) || entries.findIndex((other) => other.uuid === uuid) === at,
        );
        expect(JSON.stringify(await claudeSessionStore(store).load(key))).toBe(
          kept.length === 0 ? "null" : JSON.stringify(kept),
        );
        expect((await store.session(session))?.title ?? "").toSatisfy((title: string) =>
          title.isWellFormed(),
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

describe("a file that grows", () => {
  test("is read as it stands, in whatever pieces it was imported", async () => {
    const line = fc.oneof(
      fc.nat(2).map((mode) => ({ type: "mode", mode })),
      fc.record({ type: fc.constantFrom("user", "api-request"), uuid: fc.uuid() }),
      fc.record({
        type: fc.constant("user"),
        uuid: fc.uuid(),
        timestamp: fc.constant("2026-03-01T10:00:00.000Z"),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(line, { maxLength: 4 }), { maxLength: 6 }), async (parts) => {
        await using store = disposable(openMemoryStore());
        const texts: string[] = [];
        for (const part of parts) {
          texts.push(...part.map((one) => JSON.stringify(one)));
          write(texts.map((text) => `${text}\n`).join(""));
          await run(store);
        }
        const loaded = (await claudeSessionStore(store).load(key)) ?? [];
        expect(loaded.map((entry) => JSON.stringify(entry))).toEqual(texts);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a mirror and imports of a session with lines that have no uuid", () => {
  const texts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((at) =>
    JSON.stringify(at % 3 === 1 ? { type: "mode", mode: at % 2 } : { type: "user", uuid: `u${at}` }),
  );
  const span = fc.record({ from: fc.nat(11), count: fc.integer({ min: 1, max: 5 }) });
  const part = fc.record({ size: fc.integer({ min: 0, max: 12 }), torn: fc.nat(12) });
  const step = fc.oneof(
    fc.record({ mirror: span, file: fc.constant(undefined) }),
    fc.record({ mirror: fc.constant(undefined), file: part }),
    fc.record({ mirror: span, file: part }),
  );

  function grow({ size, torn }: { readonly size: number; readonly torn: number }): string[] {
    const whole = texts.slice(0, size);
    write(whole.map((text) => `${text}\n`).join("") + (texts[size] ?? "").slice(0, torn));
    return whole;
  }

  test("end with each uuid once, each other line as often as its writer wrote it, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
        const path = join(folder, `${crypto.randomUUID()}.db`);
        await using store = disposable(openSqliteStore({ path }));
        await using other = disposable(openSqliteStore({ path }));
        let held: Counts = new Map();
        for (const { mirror, file } of [...steps, { mirror: undefined, file: { size: 12, torn: 0 } }]) {
          const sent = texts.slice(mirror?.from, mirror && mirror.from + mirror.count);
          const lines = file === undefined ? [] : grow(file);
          const mirrored = mirror === undefined ? [] : sent;
          const entries = mirrored.map((text) => JSON.parse(text) as ClaudeEntry);
          await Promise.all([
            ...(file === undefined ? [] : [run(other, { recheck: false })]),
            ...(mirror === undefined ? [] : [claudeSessionStore(store).append(key, entries)]),
          ]);
          const now = countsOf(await bodies(store));
          for (const text of new Set([...now.keys(), ...texts])) {
            const count = now.get(text) ?? 0;
            expect(count).toBeGreaterThanOrEqual(leastOf(text, held, mirrored, lines));
            expect(count).toBeLessThanOrEqual(mostOf(text, held, mirrored, lines));
          }
          held = now;
        }
      }),
      { numRuns: 60 },
    );
  });
});

type Counts = ReadonlyMap<string, number>;

function countsOf(texts: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** Where the mirror comes before the import: the larger of what was mirrored and what the file has. */
function leastOf(text: string, held: Counts, mirrored: readonly string[], lines: readonly string[]): number {
  const [had, sent, read] = [
    held.get(text) ?? 0,
    countsOf(mirrored).get(text) ?? 0,
    countsOf(lines).get(text) ?? 0,
  ];
  return hasUuid(text) ? Math.min(1, had + sent + read) : Math.max(had + sent, read);
}

/** Where the import comes first: a mirror's line without a uuid is new to the log whenever it comes. */
function mostOf(text: string, held: Counts, mirrored: readonly string[], lines: readonly string[]): number {
  const [had, sent, read] = [
    held.get(text) ?? 0,
    countsOf(mirrored).get(text) ?? 0,
    countsOf(lines).get(text) ?? 0,
  ];
  return hasUuid(text) ? Math.min(1, had + sent + read) : Math.max(had, read) + sent;
}

function hasUuid(text: string): boolean {
  return text.includes("uuid");
}

interface Wanted {
  /** What is to be stored, unless it came before. */
  readonly body?: string;
  readonly uuid?: unknown;
  readonly fault?: true;
}

function wantedOf(line: Buffer): Wanted {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(line).trim();
    if (text === "") return {};
    const entry: unknown = JSON.parse(text);
    if (Object.prototype.toString.call(entry) !== "[object Object]") return { fault: true };
    return { body: text.replaceAll("\r", " "), uuid: (entry as { readonly uuid?: unknown }).uuid };
  } catch {
    return { fault: true };
  }
}

function isFirst({ body, uuid }: Wanted, before: readonly Wanted[]): boolean {
  return body !== undefined && (!isUuid(uuid) || before.every((other) => other.uuid !== uuid));
}

function disposable(store: Store): Store & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
