import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HoldfastError } from "../../core/errors.ts";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import type { ClaudeEntry, ClaudeSessionKey } from "./contract.ts";
import { importClaudeTranscripts } from "./import.ts";
import { verifySession } from "./verify.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-mirror-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const session = { project: "p", session: "s" };
const key = { projectKey: "p", sessionId: "s" };
const agent = { ...key, subpath: "subagents/agent-1" };

function write(name: string, lines: readonly object[]): void {
  const path = join(folder, "projects", "p", name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const run = (store: Store, more: object = {}) =>
  importClaudeTranscripts({ store, configDir: folder, resumeDirs: [], recheck: true, ...more });

const count = fc.integer({ min: 1, max: 4 });

describe("the title and the summary of a session", () => {
  const anyLine = fc.oneof(
    fc.record({ type: fc.constant("custom-title"), customTitle: fc.constantFrom("mine", "my other", "") }),
    fc.record({ type: fc.constant("ai-title"), aiTitle: fc.constantFrom("theirs", "their other") }),
    fc.record({ type: fc.constant("user"), text: fc.constantFrom("do it", "<command-name>", "go on") }),
    fc.record({
      type: fc.constant("custom-title"),
      customTitle: fc.constant("by a helper"),
      own: fc.constant(1),
    }),
  );
  const transcript = fc
    .array(anyLine, { minLength: 1, maxLength: 12 })
    .map((lines) => lines.map((line, at) => entryOf(line, at)));
  const step = fc.oneof(
    fc.record({ kind: fc.constant("mirror" as const), from: fc.nat(11), count }),
    fc.record({ kind: fc.constant("import" as const), from: fc.nat(11), count: fc.nat(12) }),
    fc.record({ kind: fc.constant("list" as const), from: fc.nat(0), count }),
  );

  test("are made of the transcript as it is read, in whatever order it was mirrored and imported", async () => {
    await fc.assert(
      fc.asyncProperty(transcript, fc.array(step, { maxLength: 8 }), async (lines, steps) => {
        await using store = disposable(openMemoryStore());
        const sessions = claudeSessionStore(store, { foldSessionSummary: joining });
        for (const { kind, from, count: size } of steps) {
          if (kind === "mirror") await sessions.append(key, lines.slice(from, from + size));
          if (kind === "import") {
            write("s.jsonl", lines.slice(0, size));
            await run(store);
          }
          const read = (await sessions.load(key)) ?? [];
          expect((await store.session(session))?.title ?? null).toBe(titleOf(read));
          if (kind !== "list") continue;
          const [summary] = await sessions.listSessionSummaries("p");
          const data = read.length === 0 ? undefined : joining(undefined, key, read as never[]).data;
          expect(summary?.data).toEqual(data);
        }
      }),
      { numRuns: 300 },
    );
  });

  function entryOf(
    { type, ...line }: { readonly type: string; readonly [field: string]: unknown },
    at: number,
  ) {
    const timestamp = new Date(1_790_000_000_000 + at * 1000).toISOString();
    if (type === "user") return { type, uuid: `u${at}`, timestamp, message: { content: line["text"] } };
    return { type, ...line, ...("own" in line ? { uuid: `u${at}` } : {}) } as ClaudeEntry;
  }

  function titleOf(entries: readonly ClaudeEntry[]): string | null {
    const custom = entries.findLast(
      ({ customTitle }) => typeof customTitle === "string" && customTitle !== "",
    );
    const theirs = entries.findLast(({ aiTitle }) => aiTitle !== undefined);
    const prompts = entries.map(({ message }) => (message as { content?: string } | undefined)?.content);
    const prompt = prompts.find((text) => text !== undefined && !text.startsWith("<"));
    return (custom?.["customTitle"] ?? theirs?.["aiTitle"] ?? prompt ?? null) as string | null;
  }
});

describe("a subagent that is removed", () => {
  const lines = [0, 1, 2, 3, 4, 5].map((at) => ({ type: "user", uuid: `u${at}` }));
  const step = fc.oneof(
    fc.record({ kind: fc.constant("mirror" as const), size: count }),
    fc.record({ kind: fc.constant("remove" as const), size: count }),
    fc.record({ kind: fc.constantFrom("import" as const, "restore" as const), size: fc.nat(6) }),
    fc.record({
      kind: fc.constant("crash" as const),
      size: fc.nat(6),
      restoreDropped: fc.boolean(),
      writes: fc.nat(3),
    }),
  );

  test("stays removed until it is written or restored, and is never taken for removed before", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        await using store = disposable(openMemoryStore());
        const sessions = claudeSessionStore(store);
        await sessions.append(key, [lines[0]!]);
        let removed = false;
        const isThere = async (): Promise<boolean> => (await sessions.load(agent)) !== null;
        for (const one of steps) {
          if (one.kind === "mirror") await sessions.append(agent, lines.slice(0, one.size));
          else if (one.kind !== "remove") write("s/subagents/agent-1.jsonl", lines.slice(0, one.size));
          removed &&= one.kind !== "mirror";
          if (one.kind === "remove") {
            removed ||= await isThere();
            await sessions.delete(agent);
          }
          if (one.kind === "crash") {
            const { restoreDropped } = one;
            await run(crashing(store, one.writes), { restoreDropped }).catch(isCrash);
            removed &&= !restoreDropped || !(await isThere());
          }
          if (one.kind === "import" || one.kind === "restore") {
            const restoreDropped = one.kind === "restore";
            const report = await run(store, { restoreDropped });
            removed &&= !restoreDropped || one.size === 0;
            expect(report.droppedLogs !== undefined).toBe(removed && !restoreDropped);
            const read = (await sessions.load(agent)) ?? [];
            expect(read).toEqual(expect.arrayContaining(removed ? [] : lines.slice(0, one.size)));
          }
          if (removed) expect(await isThere()).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("an import while the mirror of a turn is still to come", () => {
  const line = fc.oneof(
    fc.constantFrom(
      { type: "mode", mode: "plan" },
      { type: "custom-title", customTitle: "mine" },
      { type: "custom-title", customTitle: "my other" },
    ),
    fc.constant({ type: "user", message: { content: "do it" } }),
  );
  const transcript = fc.array(line, { minLength: 1, maxLength: 12 }).map((lines) => {
    let parentUuid: string | null = null;
    return lines.map((one, at): ClaudeEntry => {
      if (one.type !== "user") return one;
      const link = { uuid: `u${at}`, parentUuid };
      parentUuid = link.uuid;
      return { ...one, ...link };
    });
  });
  const step = fc.record({ written: fc.nat(4), imported: fc.boolean(), flushed: fc.nat(4) });

  test("loses nothing, keeps the order, and has lines without a uuid at most twice", async () => {
    await fc.assert(
      fc.asyncProperty(transcript, fc.array(step, { maxLength: 6 }), async (lines, steps) => {
        await using store = disposable(openMemoryStore());
        const sessions = claudeSessionStore(store);
        let [written, flushed] = [0, 0];
        const all = lines.length;
        for (const one of [...steps, { written: all, imported: false, flushed: all }]) {
          written = Math.min(all, written + one.written);
          write("s.jsonl", lines.slice(0, written));
          if (one.imported) await run(store);
          const end = Math.min(written, flushed + one.flushed);
          await sessions.append(key, lines.slice(flushed, end));
          flushed = end;
        }
        const title = (await store.session(session))!.title;
        expect(await run(store)).toMatchObject({ entries: 0, moved: 0, problems: [] });
        const read = (await sessions.load(key))!;
        expect(uuidsOf(read)).toEqual(uuidsOf(lines));
        for (const one of lines) {
          const [times, wanted] = [timesOf(one, read), timesOf(one, lines)];
          expect(times).toBeGreaterThanOrEqual(wanted);
          expect(times).toBeLessThanOrEqual(one.uuid === undefined ? 2 * wanted : 1);
        }
        const named = lines.findLast(({ type }) => type === "custom-title");
        if (named !== undefined) expect(title).toBe(named["customTitle"]);
        expect((await verifySession(store, session)).findings).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  function uuidsOf(entries: readonly ClaudeEntry[]): string[] {
    return entries.flatMap(({ uuid }) => uuid ?? []);
  }

  function timesOf(entry: ClaudeEntry, entries: readonly ClaudeEntry[]): number {
    return entries.filter((other) => JSON.stringify(other) === JSON.stringify(entry)).length;
  }
});

/** The same store, which ends with its process after so many writes. */
function crashing(store: Store, writes: number): Store {
  let left = writes;
  const append: Store["append"] = async (params) => {
    if ((left -= 1) < 0)
      throw new HoldfastError({ code: "store_closed", message: "Crashed.", next: "Start again." });
    return store.append(params);
  };
  return {
    ...(Object.fromEntries(
      (["read", "scan", "logs", "session", "sessions", "describe", "drop", "tombstone"] as const).map(
        (verb) => [verb, store[verb].bind(store)],
      ),
    ) as unknown as Store),
    append,
  };
}

function isCrash(error: unknown): void {
  expect(error).toMatchObject({ code: "store_closed" });
}

function joining(
  previous: { readonly data: Record<string, unknown> } | undefined,
  { sessionId }: Pick<ClaudeSessionKey, "sessionId">,
  entries: never[],
) {
  const before = (previous?.data["all"] as string[] | undefined) ?? [];
  return { sessionId, mtime: 0, data: { all: [...before, ...entries.map((one) => JSON.stringify(one))] } };
}

function disposable(store: Store): Store & AsyncDisposable {
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}
