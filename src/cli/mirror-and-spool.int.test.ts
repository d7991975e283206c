import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { withStoreOf } from "../../test/cli/work.ts";
import { openStore } from "../open-store.ts";
import { openSqliteSpool } from "../stores/sqlite/spool/index.ts";

let home: Home;
const log = { project: "p", session: "s-1", log: "" };

beforeEach(async () => {
  home = new Home();
  await withStoreOf(home, (store) => store.append({ log, entries: [{ uuid: "u1", body: '{"n":1}' }] }));
});
afterEach(() => home[Symbol.dispose]());

describe("holdfast mirror", () => {
  test("tells what stops a mirror and how far it is behind, with 3, and that nothing does once it is mended", async () => {
    const to = join(home.folder, "mirror.db");
    expect((await home.runInside(["mirror", "status", "--to", to])).code).toBe(1);
    expect((await home.runInside(["mirror", "run", "--to", to, "--once"])).code).toBe(0);
    const mirror = await openStore(`sqlite:${to}`);
    await mirror.append({ log, entries: [{ body: '{"foreign":1}' }] });
    await mirror.setProjection({ projection: "mirror", error: "It broke." });
    await withStoreOf(home, (store) => store.append({ log, entries: [{ uuid: "u2", body: '{"n":2}' }] }));
    const failed = await home.runInside(["mirror", "status", "--to", to]);
    expect([failed.code, failed.stdout]).toEqual([3, expect.stringContaining("1 change behind")]);
    expect(failed.stdout).toContain("It broke.");
    await mirror.drop({ session: log, actor: "ops" });
    await mirror.close();
    expect((await home.runInside(["mirror", "run", "--to", to, "--once"])).code).toBe(0);
    const { stdout, code } = await home.runInside(["mirror", "status", "--to", to, "--json"]);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { mirror: { state: "caught_up", lag: 0, position: 2 } },
    ]);
  });

  test("refuses a store as its own mirror", async () => {
    const { code } = await home.runInside(["mirror", "run", "--to", home.database, "--once"]);
    expect(code).toBe(2);
  });
});

describe("holdfast spool", () => {
  test("is never made by a look, and says when the store refused what it was sent", async () => {
    const dir = join(home.folder, "spool");
    for (const verb of ["status", "retry", "export", "ship"])
      expect((await home.runInside(["spool", verb, "--dir", dir])).code).toBe(1);
    const spool = openSqliteSpool({ dir });
    const entries = [{ uuid: "u9", body: '{"n":9,"key":"sk-ant-api03-0123456789abcdefghijklmnop"}' }];
    await spool.put({ log, entries, folds: false, epoch: 7 });
    await spool.put({ log, entries: [{ uuid: "u2", body: '{"n":2}' }], folds: false });
    const busy = await home.runInside(["spool", "ship", "--dir", dir]);
    expect([busy.code, busy.stderr]).toEqual([4, expect.stringContaining("Another process")]);
    await spool.close();
    const shipped = await home.runInside(["spool", "ship", "--dir", dir]);
    expect([shipped.code, shipped.stdout]).toEqual([
      3,
      expect.stringContaining("Sent 1 entry. 1 batch refused"),
    ]);
    const status = JSON.parse((await home.runInside(["spool", "status", "--dir", dir, "--json"])).stdout);
    expect(status).toMatchObject({ waiting: [], aside: [{ epoch: 7, code: "lease_lost", entries: 1 }] });
    expect((await home.runInside(["spool", "export", "--dir", dir])).stdout).not.toContain("0123456789abc");
    expect((await home.runInside(["spool", "export", "--dir", dir, "--raw"])).stdout).toBe(
      `${entries[0]!.body}\n`,
    );
    expect((await home.runInside(["spool", "retry", "--dir", dir])).code).toBe(0);
    expect((await home.runInside(["spool", "ship", "--dir", dir])).code).toBe(0);
    const { head } = await withStoreOf(home, (store) => store.read({ log }));
    expect(head).toBe(3);
  });
});
