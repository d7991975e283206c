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
    expect(await findings(part("g", "c", "m2"))).toEqual(["branch@7"]);
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
