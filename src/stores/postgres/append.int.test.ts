import { expect, onTestFinished, test } from "vitest";
import { testSchemas } from "../../../test/postgres/schemas.ts";
import type { Store } from "../../core/store.ts";
import { openPostgresStore } from "./index.ts";

const schemas = testSchemas();
const key = { project: "p", session: "s" };
const log = { ...key, log: "" };

async function twoProcesses(): Promise<readonly [Store, Store]> {
  const url = schemas.next();
  const one = await openPostgresStore({ url, connections: 2 });
  const other = await openPostgresStore({ url, connections: 2 });
  onTestFinished(async () => {
    await one.close();
    await other.close();
  });
  return [one, other];
}

function entries(from: number, to: number) {
  return Array.from({ length: to - from + 1 }, (_, index) => ({
    body: `{"n":${from + index}}`,
    uuid: `u${from + index}`,
  }));
}

test("what another process appended meanwhile is a duplicate here, and numbers go on behind it", async () => {
  const [one, other] = await twoProcesses();
  for (let at = 1; at < 40; at += 4) {
    await one.append({ log, entries: entries(at, at + 1) });
    await one.append({ log, entries: entries(at, at + 2) });
    const late = await other.append({ log, entries: entries(at, at + 3) });
    expect(late).toMatchObject({ from: at + 3, to: at + 3, appended: 1, duplicates: 3 });
  }
  const { entries: stored } = await one.read({ log });
  expect(stored.map(({ uuid }) => uuid)).toEqual(entries(1, 40).map(({ uuid }) => uuid));
  expect(await other.session(key)).toMatchObject({ entries: 40, mainHead: 40 });
});

test("a title that another process gave is not folded away, nor a session that it dropped brought back", async () => {
  const [one, other] = await twoProcesses();
  const fold = () => ({ summary: null, title: "folded" });
  for (const at of [1, 3]) await one.append({ log, entries: entries(at, at + 1), fold });
  await other.describe({ session: key, title: "given" });
  await one.append({ log, entries: entries(5, 6), fold });
  expect((await one.session(key))?.title).toBe("given");
  await other.drop({ session: key, actor: "test" });
  await expect(one.append({ log, entries: entries(7, 8) })).rejects.toMatchObject({
    code: "session_dropped",
  });
  const anew = await one.append({ log, entries: entries(1, 2), reopen: "any" });
  expect(anew).toMatchObject({ from: 1, to: 2, appended: 2 });
});

test("a fence that another process has cleared stops the next append", async () => {
  const [one, other] = await twoProcesses();
  const { epoch } = await one.acquireLease({ session: key, owner: "one", leaseMs: 60_000 });
  for (const at of [1, 2, 3]) await one.append({ log, entries: entries(at, at), fence: { epoch } });
  await other.clearLease({ session: key, actor: "test", reason: "test" });
  const late = one.append({ log, entries: entries(4, 4), fence: { epoch } });
  await expect(late).rejects.toMatchObject({ code: "lease_lost" });
  expect((await other.read({ log })).head).toBe(3);
});
