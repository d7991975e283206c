import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { verifySession } from "./verify.ts";

let store: Store;

beforeEach(() => {
  store = openMemoryStore();
});
afterEach(() => store.close());

const key = { project: "p", session: "s" };

const prompt = (uuid: string, parentUuid: string | null) => ({
  type: "user",
  uuid,
  parentUuid,
  message: { content: uuid },
});
const answer = (uuid: string, parentUuid: string) => ({
  type: "assistant",
  uuid,
  parentUuid,
  message: { content: [] },
});
const call = (uuid: string, parentUuid: string, id: string) => ({
  type: "assistant",
  uuid,
  parentUuid,
  message: { content: [{ type: "tool_use", id, name: "Bash" }] },
});
const result = (uuid: string, parentUuid: string, id: string) => ({
  type: "user",
  uuid,
  parentUuid,
  message: { content: [{ type: "tool_result", tool_use_id: id, content: "ok" }] },
});
const boundary = (uuid: string) => ({ type: "system", subtype: "compact_boundary", uuid, parentUuid: null });

async function findings(...entries: (object | string)[]): Promise<string[]> {
  const bodies = entries.map((entry) => (typeof entry === "string" ? entry : JSON.stringify(entry)));
  await store.append({ log: { ...key, log: "" }, entries: bodies.map((body) => ({ body })) });
  return (await verifySession(store, key)).findings.map(({ code, seq }) => `${code}@${seq}`);
}

describe("verifySession", () => {
  test("finds nothing in a conversation with parallel tools and a compaction", async () => {
    const healthy = [
      { type: "mode", mode: "default" },
      prompt("u1", null),
      call("a1", "u1", "t1"),
      call("a2", "a1", "t2"),
      result("r1", "a1", "t1"),
      result("r2", "a2", "t2"),
      answer("a3", "r2"),
      boundary("c1"),
      prompt("u2", "c1"),
      answer("a4", "u2"),
    ];
    expect(await findings(...healthy)).toEqual([]);
  });

  test("finds nothing when two batches came in the other order", async () => {
    expect(await findings(prompt("u1", null), prompt("u2", "a1"), answer("a1", "u1"))).toEqual([]);
  });

  test("names a lost batch in the middle", async () => {
    expect(await findings(prompt("u1", null), answer("a1", "u1"), prompt("u3", "a2"))).toEqual([
      "dangling_parent@3",
    ]);
  });

  test("names a lost beginning", async () => {
    expect(await findings(prompt("u2", "a1"), answer("a2", "u2"))).toEqual(["first_parent@1"]);
  });

  test("names a second root", async () => {
    expect(await findings(prompt("u1", null), answer("a1", "u1"), prompt("u2", null))).toEqual([
      "extra_root@3",
    ]);
  });

  test("names the branch that a second writer left", async () => {
    const two = [
      prompt("u1", null),
      answer("a1", "u1"),
      prompt("u2", "a1"),
      prompt("x2", "a1"),
      answer("a2", "u2"),
    ];
    expect(await findings(...two)).toEqual(["branch@4"]);
  });

  test("names two answers to one step, and takes the parts of one answer for what they are", async () => {
    const part = (uuid: string, parentUuid: string, id: string) => ({
      ...answer(uuid, parentUuid),
      message: { id, content: [] },
    });
    const step = [prompt("a", null), call("b", "a", "t1"), result("c", "b", "t1")];
    expect(await findings(...step, part("d", "c", "m1"), part("e", "c", "m1"), part("f", "e", "m1"))).toEqual(
      [],
    );
    expect(await findings(part("g", "c", "m2"))).toEqual(["branch@5"]);
  });

  test("names the branch of two writers who took turns once, whoever wrote last", async () => {
    const turns = [
      prompt("u1", null),
      answer("a1", "u1"),
      prompt("u2", "a1"),
      answer("a2", "u2"),
      prompt("x2", "a1"),
      answer("b2", "x2"),
      prompt("u3", "a2"),
      answer("a3", "u3"),
    ];
    expect(await findings(...turns)).toEqual(["branch@5"]);
    expect(await findings(prompt("x3", "b2"), answer("b3", "x3"))).toEqual(["branch@3"]);
    expect((await verifySession(store, key)).findings[0]!.message).toMatch(
      /^Entries 3 to 8 are on a branch: entry 2 goes on with 5 too/,
    );
  });

  test("names a turn that is lost where a newer one goes on from the middle of the one before", async () => {
    const step = [prompt("u1", null), call("b", "u1", "t1"), result("c", "b", "t1")];
    expect(await findings(...step, prompt("u2", "c"), answer("a2", "u2"), answer("a1", "c"))).toEqual([
      "branch@4",
    ]);
  });

  test("names a turn that is lost to one that no prompt began", async () => {
    const wake = { ...prompt("w", "a1"), isMeta: true };
    const turns = [prompt("u1", null), answer("a1", "u1"), prompt("u2", "a1"), answer("a2", "u2")];
    expect(await findings(...turns, wake, answer("a3", "w"))).toEqual(["branch@3"]);
  });

  test("names what one writer compacted and another went on without", async () => {
    const compaction = { ...boundary("c1"), logicalParentUuid: "a1" };
    const turns = [
      prompt("u1", null),
      answer("a1", "u1"),
      compaction,
      prompt("u2", "c1"),
      answer("a2", "u2"),
    ];
    expect(await findings(...turns)).toEqual([]);
    expect(await findings(prompt("x2", "a1"), answer("b2", "x2"))).toEqual(["branch@4"]);
    expect(await findings(prompt("u3", "a2"))).toEqual(["branch@6"]);
  });

  test("takes no compaction that points behind itself, no note and no hook for a branch", async () => {
    const kept = { ...boundary("c1"), logicalParentUuid: "a1" };
    const turns = [kept, prompt("u1", "c1"), answer("a1", "u1"), prompt("u2", "a1"), answer("a2", "u2")];
    const asides = [
      { type: "attachment", uuid: "h", parentUuid: "u1" },
      { ...prompt("n", "a1"), isMeta: true },
      { type: "system", uuid: "s", parentUuid: "a1" },
    ];
    expect(await findings(...turns, ...asides)).toEqual([]);
  });

  test("names a branch also where both ways were stored before the entry that they leave", async () => {
    const ways = [prompt("u2", "a1"), prompt("x2", "a1")];
    expect(await findings(prompt("u1", null), ...ways, answer("a1", "u1"))).toEqual(["branch@2"]);
  });

  test("names each branch of a branch", async () => {
    const turns = [prompt("u1", null), answer("a1", "u1"), prompt("u2", "a1"), answer("a2", "u2")];
    const branches = [prompt("x3", "a2"), prompt("y3", "a2"), prompt("z2", "a1")];
    expect(await findings(...turns, ...branches)).toEqual(["branch@3", "branch@5"]);
  });

  test("names a tool call without a result", async () => {
    expect(await findings(prompt("u1", null), call("a1", "u1", "t1"))).toEqual(["tool_without_result@2"]);
  });

  test("names an entry that is no JSON", async () => {
    expect(await findings(prompt("u1", null), "{not json}")).toEqual(["unreadable@2"]);
  });

  test("looks into subagents, and ends on a circle of parents", async () => {
    await store.append({
      log: { ...key, log: "subagents/agent-1" },
      entries: [prompt("x", "y"), prompt("y", "x")].map((entry) => ({ body: JSON.stringify(entry) })),
    });
    const report = await verifySession(store, key);
    expect(report).toMatchObject({ logs: 1, entries: 2 });
    expect(report.findings.every(({ log }) => log === "subagents/agent-1")).toBe(true);
  });
});
