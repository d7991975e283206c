import { afterEach, expect, test } from "vitest";
import { postgresStores } from "../../../test/postgres/stores.ts";
import type { Holding } from "../../core/holdings.ts";
import type { Store } from "../../core/store.ts";

const stores = postgresStores();
const opened: Store[] = [];
afterEach(() => Promise.all(opened.splice(0).map((store) => store.close())));

test("Inputs that several copies bring and programs admit meanwhile have each an id of its own.", async () => {
  const store = await stores.open();
  const copiers = await Promise.all([stores.again(store), stores.again(store)]);
  opened.push(store, ...copiers);
  const admitted: string[] = [];
  const admit = async (n: number): Promise<void> => {
    const { input } = await store.admit({ session: key(`own-${n % 5}`), key: `k${n}`, body: "{}" });
    admitted.push(input.id);
  };
  // Ids that are near, so that each is wanted by both copies and by an admission.
  const copy = async (copier: Store, from: string, n: number): Promise<void> => {
    const session = key(`${from}-${n}`);
    await copier.adopt({ session, holdings: [ended(session, String(n + 1)), ended(session, String(n + 7))] });
  };
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => [
      admit(n),
      copy(copiers[0]!, "a", n),
      copy(copiers[1]!, "b", n),
    ]).flat(),
  );
  const ids = (await store.inputs({ limit: 1000 })).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(admitted).size).toBe(60);
  expect(ids.length).toBeGreaterThan(admitted.length);
});

test("An id that was copied is not given later, by whichever process.", async () => {
  const store = await stores.open();
  const other = await stores.again(store);
  opened.push(store, other);
  const session = key("s");
  await store.adopt({ session, holdings: [ended(session, "900")] });
  await store.adopt({ session, holdings: [ended(session, "20")] });
  const { input } = await other.admit({ session, key: "new", body: "{}" });
  expect(Number(input.id)).toBeGreaterThan(900);
});

test("A reason that the server cannot keep is copied as far as it can, and once.", async () => {
  const store = await stores.open();
  opened.push(store);
  const session = key("s");
  const row = { ...session, atMs: 1, actor: "ann", verb: "dropped" as const, reason: "a\0b\ud800" };
  const holdings: Holding[] = [{ kind: "audit", row }];
  expect(await store.adopt({ session, holdings })).toEqual({ adopted: 1 });
  expect(await store.adopt({ session, holdings })).toEqual({ adopted: 0 });
  expect((await store.audit({ session })).map(({ reason }) => reason)).toEqual(["a\ufffdb\ufffd"]);
});

function key(session: string) {
  return { project: "p", session };
}

function ended(session: { readonly project: string; readonly session: string }, id: string): Holding {
  const times = { admittedAtMs: 1, updatedAtMs: 2 };
  const input = {
    ...session,
    ...times,
    id,
    key: `copied-${id}`,
    body: "{}",
    provider: "x",
    priority: 0,
    attempts: 0,
  };
  return { kind: "input", input: { ...input, state: "cancelled" }, runs: [] };
}
