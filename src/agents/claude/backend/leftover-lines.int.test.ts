import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stoppedClock, storeWith } from "../../../../test/runtime/recovery.ts";
import type { Agent } from "../../../core/agent.ts";
import { fileEntry, fileLog } from "../../../core/side-files.ts";
import type { Store } from "../../../core/store.ts";
import { reconcile } from "../../../runtime/reconcile.ts";
import { Worker } from "../../../runtime/worker.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { openSqliteStore } from "../../../stores/sqlite/index.ts";
import { scriptedAgent } from "../../scripted/index.ts";
import { rescueLines } from "./leftover-lines.ts";

const session = { project: "team", session: "any name" };
const main = { ...session, log: "" };
const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-leftover-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Line {
  readonly uuid?: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

function said(uuid: string, parentUuid: string | null, type: "user" | "assistant", block: object): Line {
  return { uuid, parentUuid, type, message: { role: type, content: [block] } };
}

const turn: readonly Line[] = [
  said("u1", null, "user", { type: "text", text: "Do it." }),
  said("u2", "u1", "assistant", { type: "tool_use", id: "t", name: "Bash" }),
  { type: "mode", mode: "default" },
  said("u3", "u2", "user", { type: "tool_result", tool_use_id: "t" }),
  { type: "mode", mode: "default" },
  said("u4", "u3", "assistant", { type: "text", text: "Done." }),
];

const textOf = (lines: readonly Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

function leave(path: string, text: string): void {
  const whole = join(folder, "projects/-home-dev", path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
}

async function mirror(store: Store, lines: readonly Line[], log = ""): Promise<void> {
  const entries = lines.map((line) => ({ body: JSON.stringify(line), uuid: line.uuid }));
  await store.append({ log: { ...session, log }, entries, provider: "claude-code" });
}

async function bodiesIn(store: Store, log = ""): Promise<unknown[]> {
  return (await store.read({ log: { ...session, log } })).entries.map(
    ({ body }) => JSON.parse(body) as unknown,
  );
}

describe.each<[string, () => Store]>([
  ["memory", () => openMemoryStore({ clock: stoppedClock() })],
  ["SQLite", () => openSqliteStore({ path: join(folder, "holdfast.db"), clock: stoppedClock() })],
])("what a leftover wrote, on %s", (_, open) => {
  let store: Store;
  beforeEach(() => void (store = open()));
  afterEach(() => store.close());

  const rescue = () => rescueLines({ store, session, folder, sessionId });

  test("is stored once, of the main transcript and of subagents, though its last line is cut short", async () => {
    await mirror(store, turn.slice(0, 3));
    leave(`${sessionId}.jsonl`, `${textOf(turn)}{"uuid":"u5","typ`);
    leave(`${sessionId}/subagents/agent-1.jsonl`, textOf([{ type: "user", uuid: "a1" }]));
    const { entries, problems } = await rescue();
    expect(entries).toBe(4);
    expect(problems).toEqual([expect.stringContaining("cut short")]);
    expect(await bodiesIn(store)).toEqual(turn);
    expect(await bodiesIn(store, "subagents/agent-1")).toEqual([{ type: "user", uuid: "a1" }]);
    expect((await rescue()).entries).toBe(0);
  });

  test("is of this session alone", async () => {
    await mirror(store, turn.slice(0, 1));
    for (const path of ["other.jsonl", "other/subagents/agent-2.jsonl"])
      leave(path, textOf([{ type: "user", uuid: "theirs" }]));
    expect(await rescue()).toEqual({ entries: 0, problems: [], usage: [] });
    expect((await store.logs(session)).map(({ log }) => log)).not.toContain("subagents/agent-2");
  });

  test("is nothing where its folder is gone, or is another user's, which is said", async () => {
    await mirror(store, turn.slice(0, 1));
    leave(`${sessionId}.jsonl`, textOf(turn));
    const away = join(folder, "gone");
    const none = await rescueLines({ store, session, folder: away, sessionId });
    expect(none).toEqual({ entries: 0, problems: [], usage: [] });
    const uid = process.getuid!() + 1;
    expect(await rescueLines({ store, session, folder, sessionId, uid })).toEqual({
      entries: 0,
      problems: [expect.stringContaining(`${folder}: it belongs to another user`)],
      usage: [],
    });
  });

  test("is not doubled by the names of the folders that a resumed process was told", async () => {
    const line = (uuid: string | undefined, at: string): Line => ({
      type: "last-prompt",
      ...(uuid && { uuid }),
      at,
    });
    const was = "/home/ann/.claude/projects/-home-dev/x/tool-results/a.txt";
    const file = { path: "session/tool-results/a.txt", was, reason: "It is too large." };
    await store.append({ log: { ...session, log: fileLog }, entries: [fileEntry({ run: "1", file })] });
    await mirror(store, [line("u1", was), line(undefined, was)]);
    const told = join(folder, "projects/-home-dev", sessionId, "tool-results/a.txt");
    leave(`${sessionId}.jsonl`, textOf([line("u1", told), line(undefined, told)]));
    expect(await rescue()).toEqual({ entries: 0, problems: [], usage: [] });
  });

  /** A turn that rescues what an earlier host has left before it gives anything. */
  function rescuing(then: () => void = () => undefined): Agent {
    return {
      ...scriptedAgent(),
      async *run(given) {
        await rescueLines({ store: given.store, session: given.session, folder, sessionId });
        yield { kind: "entry", log: "", entry: { body: '{"type":"user","uuid":"u9"}', uuid: "u9" } };
        await given.flush();
        then();
        yield { kind: "event", event: { type: "result", ok: true, text: "" } };
      },
    };
  }

  async function answer(agent: Agent, on = store): Promise<void> {
    await store.admit({ session, key: "k", body: '{"prompt":"Go on."}', provider: "scripted" });
    await new Worker({ store: on, agents: [agent], owner: "w" }).drain();
  }

  test("is stored by a turn before its own words, under the turn's lease, and is none of its run", async () => {
    await mirror(store, turn.slice(0, 3));
    leave(`${sessionId}.jsonl`, textOf(turn));
    await answer(rescuing());
    expect(await bodiesIn(store)).toEqual([...turn, { type: "user", uuid: "u9" }]);
    // Its own line and its result.
    expect((await store.runs({ session })).runs).toMatchObject([
      { state: "committed", receipt: { entries: 2 } },
    ]);
  });

  test("stays, and holds nothing for an operator, where the turn that stored it dies as well", async () => {
    await mirror(store, turn.slice(0, 3));
    leave(`${sessionId}.jsonl`, textOf(turn));
    const gone = (): never => {
      throw new Error("the host is gone");
    };
    await answer(rescuing(gone), storeWith(store, { endRun: gone, releaseLease: gone }));
    const [run] = (await store.runs({ session })).runs;
    await store.clearLease({ session, actor: "test" });
    await reconcile({ store, owner: "r" });
    expect(await store.run({ run: run!.id })).toMatchObject({ state: "interrupted" });
    expect((await bodiesIn(store)).slice(0, turn.length)).toEqual(turn);
    expect((await store.read({ log: main })).committed).toBeGreaterThan(turn.length);
  });
});
