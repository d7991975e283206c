import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentStep } from "../../../core/agent.ts";
import type { Store } from "../../../core/store.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { boundStore } from "./bound-store.ts";
import { HeldEntries } from "./held-entries.ts";

const session = { project: "p", session: "any name" };
const key = { projectKey: "-work", sessionId: "11111111-1111-4111-8111-111111111111" };
const entry = (uuid: string) => ({ type: "user", uuid });
const bodyOf = (uuid: string) => JSON.stringify(entry(uuid));

let store: Store;
let given: AgentStep[];

beforeEach(() => {
  store = openMemoryStore();
  given = [];
});
afterEach(() => store.close());

describe("the store of one process", () => {
  const bound = () => boundStore({ session, store, give: (step) => given.push(step) });

  test("gives what the SDK appends to the turn, each transcript to its log, and stores nothing itself", async () => {
    const nameless = { type: "mode", uuid: "" };
    await bound().append(key, [entry("a"), nameless]);
    await bound().append({ ...key, subpath: "subagents/agent-1" }, [entry("b")]);
    expect(given).toEqual([
      { kind: "entry", log: "", entry: { body: bodyOf("a"), uuid: "a" } },
      { kind: "entry", log: "", entry: { body: JSON.stringify(nameless) } },
      { kind: "entry", log: "subagents/agent-1", entry: { body: bodyOf("b"), uuid: "b" } },
    ]);
    expect(await store.logs(session)).toEqual([]);
  });

  test("loads the session, whatever the SDK calls its project and its session", async () => {
    await store.append({ log: { ...session, log: "" }, entries: [{ body: bodyOf("a") }] });
    await store.append({ log: { ...session, log: "subagents/agent-1" }, entries: [{ body: bodyOf("b") }] });
    const other = { projectKey: "-elsewhere", sessionId: "22222222-2222-4222-8222-222222222222" };
    expect(await bound().load(other)).toEqual([entry("a")]);
    expect(await bound().listSubkeys(other)).toEqual(["subagents/agent-1"]);
    expect(await bound().load({ ...other, subpath: "subagents/agent-1" })).toEqual([entry("b")]);
    expect(await bound().load({ ...other, subpath: "subagents/agent-2" })).toBeNull();
  });

  test("refuses a transcript that would be written into Holdfast's own logs", async () => {
    await expect(bound().append({ ...key, subpath: "@run/1" }, [entry("a")])).rejects.toMatchObject({
      code: "invalid_key",
    });
    expect(given).toEqual([]);
  });
});

describe("what a process wrote when no turn took it", () => {
  const log = { ...session, log: "" };
  const step = (uuid: string): AgentStep => ({ kind: "entry", log: "", entry: { body: bodyOf(uuid), uuid } });
  const append = (uuid: string) => store.append({ log, entries: [{ body: bodyOf(uuid), uuid }] });
  const stored = async () => (await store.read({ log })).entries.map(({ uuid }) => uuid);

  let held: HeldEntries;

  /** The process has given `a` in a run, and it is stored. */
  beforeEach(async () => {
    held = new HeldEntries(session);
    held.taken(step("a"), "an earlier run");
    await append("a");
  });

  test("is appended behind what it gave before, once", async () => {
    held.hold([step("b"), { kind: "event", event: { type: "notice", text: "told" } }]);
    await held.appendLast(store, undefined);
    await held.appendLast(store, undefined);
    expect(await stored()).toEqual(["a", "b"]);
    expect(await held.isCurrent(store)).toBe(true);
  });

  test("is nobody's where another one has gone on with the session", async () => {
    await append("other");
    held.hold([step("b")]);
    expect(await held.isCurrent(store)).toBe(false);
    await held.appendLast(store, undefined);
    expect(await stored()).toEqual(["a", "other"]);
  });

  test("is nobody's where what it gave before was put aside, or the session was dropped", async () => {
    held.taken(step("discarded"), "1.2");
    expect(await held.isCurrent(store)).toBe(false);
    held.taken(step("a"), "1.2");
    expect(await held.isCurrent(store)).toBe(true);
    await store.drop({ session, actor: "test" });
    expect(await held.isCurrent(store)).toBe(false);
    held.hold([step("b")]);
    await held.appendLast(store, undefined);
    expect(await stored()).toEqual([]);
  });

  test("comes in place of what closed its own interrupted run, and not of another's", async () => {
    await store.admit({ session, key: "k", body: "{}", provider: "claude-code" });
    const { run, lease } = (await store.claim({ worker: "w", leaseMs: 1000 }))!;
    const closer = {
      body: JSON.stringify({ type: "user", uuid: "c", holdfast: { closer: run.id } }),
      uuid: "c",
    };
    const end = { session, run: run.id, epoch: lease.epoch, parts: [], actor: "test", reason: "stopped" };
    await store.endRun({ ...end, as: "interrupted", closers: [closer] });
    expect(await held.isCurrent(store)).toBe(false);
    held.taken(step("a"), run.id);
    expect(await held.isCurrent(store)).toBe(true);
  });
});
