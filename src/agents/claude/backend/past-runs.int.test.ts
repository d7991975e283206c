import { expect, test } from "vitest";
import { eventEntry, type RunEvent } from "../../../core/event.ts";
import { eventLog, type Run } from "../../../core/run.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { readPast } from "./past-runs.ts";

const session = { project: "p", session: "s" };
const process = (pid: number) => ({ pid, started: "1", host: "h", folder: `/f${pid}` });
const started = (pid: number, settings: object): RunEvent => {
  return { type: "status", status: "process_started", process: process(pid), settings: { ...settings } };
};

test("the settings are those of the newest run that had them, and a replayed process is none of its own", async () => {
  const store = openMemoryStore();
  let run: Run;
  const play = async (events: readonly RunEvent[], as: "committed" | "interrupted"): Promise<void> => {
    await store.admit({ session, key: `k${events.length}`, body: "{}", provider: "claude-code" });
    const claim = (await store.claim({ worker: "w", leaseMs: 1000 }))!;
    ({ run } = claim);
    const log = { ...session, log: eventLog(run.id) };
    const entries = events.map((event) => eventEntry({ run: run.id, event }));
    await store.append({ log, entries, fence: claim.lease, run: run.id });
    const { parts } = await store.tail({ run: run.id });
    const end = { session, run: run.id, epoch: claim.lease.epoch, parts, actor: "test", reason: "" };
    if (as === "committed") await store.commit({ ...end, outcome: "{}" });
    else await store.endRun({ ...end, as });
  };
  await play([started(1, { model: "old", cwd: "/w" })], "committed");
  expect(await readPast({ session, run: "next", store })).toMatchObject({ isWhole: true });
  const replayed = Array.from({ length: 200 }, () => ({
    ...started(9, { model: "replayed" }),
    replayed: true as const,
  }));
  const own = [
    started(2, { model: "asked" }),
    { type: "status", status: "started", settings: { model: "new" } } as const,
  ];
  await play([...replayed, ...own], "interrupted");
  expect(await readPast({ session, run: "next", store })).toEqual({
    settings: { model: "new", cwd: "/w" },
    processes: [process(2), process(1)],
    isWhole: false,
  });
});

test("a session that no run has made goes on under the name that its transcript has", async () => {
  const store = openMemoryStore();
  const named = { body: '{"type":"user","sessionId":"sdk-1"}' };
  const note = { body: '{"type":"mode"}' };
  await store.append({ log: { ...session, log: "" }, entries: [named, note] });
  const past = { settings: {}, processes: [], isWhole: true };
  expect(await readPast({ session, run: "next", store })).toEqual({ ...past, sessionId: "sdk-1" });
  expect(await readPast({ session: { ...session, session: "new" }, run: "next", store })).toEqual(past);
});
