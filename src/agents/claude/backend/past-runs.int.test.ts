import { describe, expect, test } from "vitest";
import { play } from "../../../../test/agents/past-run.ts";
import type { RunEvent } from "../../../core/event.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { readPast } from "./past-runs.ts";

const session = { project: "p", session: "s" };
const process = (pid: number) => ({ pid, started: "1", host: "h", folder: `/f${pid}` });
const started = (pid: number, settings: object): RunEvent => {
  return { type: "status", status: "process_started", process: process(pid), settings: { ...settings } };
};

test("the settings are those of the newest run that had them, and a replayed process is none of its own", async () => {
  const store = openMemoryStore();
  await play({ store, session, events: [started(1, { model: "old", cwd: "/w" })], as: "committed" });
  expect(await readPast({ session, run: "next", store })).toMatchObject({ last: "committed" });
  const replayed = Array.from({ length: 200 }, () => ({
    ...started(9, { model: "replayed" }),
    replayed: true as const,
  }));
  const own = [
    started(2, { model: "asked" }),
    { type: "status", status: "started", settings: { model: "new" } } as const,
  ];
  const run = await play({ store, session, events: [...replayed, ...own], as: "interrupted" });
  expect(await readPast({ session, run: "next", store })).toEqual({
    settings: { model: "new", cwd: "/w" },
    processes: [process(2), process(1)],
    last: "interrupted",
    interrupted: [expect.objectContaining({ id: run })],
  });
});

test("the settings and the process of a session outlast any number of runs that never had one, and of replayed events", async () => {
  const store = openMemoryStore();
  const replayed = Array.from({ length: 6500 }, (_, index) => {
    return { type: "notice", text: `${index}`, replayed: true } as const;
  });
  const settings = { model: "asked", cwd: "/w", permissionMode: "plan" };
  const run = await play({
    store,
    session,
    events: [...replayed, started(1, settings)],
    as: "interrupted",
  });
  for (let more = 0; more < 20; more += 1) await play({ store, session, events: [], as: "interrupted" });
  expect(await readPast({ session, run: "next", store })).toEqual({
    settings,
    processes: [process(1)],
    last: "interrupted",
    interrupted: [expect.objectContaining({ id: run })],
  });
});

test("what a discarded run has left is not to come back because the one after it was stopped early", async () => {
  const store = openMemoryStore();
  await play({ store, session, events: [started(1, { model: "kept" })], as: "committed" });
  await play({
    store,
    session,
    events: [started(2, { model: "discarded" }), started(2, {})],
    as: "discarded",
  });
  await play({ store, session, events: [], as: "interrupted" });
  const past = await readPast({ session, run: "next", store });
  expect(past).toEqual({
    settings: { model: "kept" },
    processes: [process(2), process(1)],
    last: "discarded",
    interrupted: [],
  });
});

test("what an interrupted run has left is to come back though others after it were stopped or refused early", async () => {
  const store = openMemoryStore();
  await play({ store, session, events: [started(1, {})], as: "interrupted" });
  await play({ store, session, events: [], as: "interrupted" });
  await play({
    store,
    session,
    events: [{ type: "result", ok: false, text: "", stop: "invalid_input" }],
    as: "committed",
  });
  expect(await readPast({ session, run: "next", store })).toMatchObject({ last: "interrupted" });
});

describe("a session without a token", () => {
  const named = { body: '{"type":"user","sessionId":"sdk-1"}' };
  const note = { body: '{"type":"mode"}' };
  const past = { settings: {}, processes: [], interrupted: [] };

  test("goes on under the name that its transcript has, where no run has made it", async () => {
    const store = openMemoryStore();
    await store.append({ log: { ...session, log: "" }, entries: [named, note] });
    expect(await readPast({ session, run: "next", store })).toEqual({ ...past, sessionId: "sdk-1" });
    expect(await readPast({ session: { ...session, session: "new" }, run: "next", store })).toEqual(past);
  });

  test.each([
    ["goes on so after a run that was stopped before it had one", undefined, "sdk-1"],
    ["begins anew where a run had one: it was cleared", "sdk-1", undefined],
  ])("%s", async (_, resume, sessionId) => {
    const store = openMemoryStore();
    await store.append({ log: { ...session, log: "" }, entries: [named, note] });
    const told = { ...started(1, {}), ...(resume !== undefined && { resume }) } as RunEvent;
    await play({ store, session, events: [told], as: "interrupted" });
    expect((await readPast({ session, run: "next", store })).sessionId).toBe(sessionId);
  });
});
