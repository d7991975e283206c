import { expect, test } from "vitest";
import { eventEntry } from "../core/event.ts";
import { eventLog } from "../core/run.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { reconcile } from "./reconcile.ts";

const session = { project: "p", session: "s" };

test.each([
  ["keeps the token of a run whose worker died", false, "token-2"],
  ["does not bring back the token of a session that was cleared meanwhile", true, null],
])("recovery %s", async (_, clears, token) => {
  let now = 1_790_000_000_000;
  const store = openMemoryStore({ clock: { now: () => now } });
  await store.append({ log: { ...session, log: "" }, entries: [{ body: '{"type":"user"}' }] });
  await store.describe({ session, resume: { key: "issue-7", token: "token-1" } });
  await store.admit({ session, key: "k", body: "{}", provider: "scripted" });
  const { run, lease } = (await store.claim({ worker: "w", leaseMs: 1000 }))!;
  const event = { type: "status", status: "started", resume: "token-2" } as const;
  const log = { ...session, log: eventLog(run.id) };
  await store.append({ log, entries: [eventEntry({ run: run.id, event })], fence: lease, run: run.id });
  now += 500;
  if (clears) await store.clearLease({ session, actor: "test" });
  now += 60_000;
  await reconcile({ store, owner: "r" });
  expect(await store.session(session)).toMatchObject({ resumeKey: "issue-7", resumeToken: token });
});
