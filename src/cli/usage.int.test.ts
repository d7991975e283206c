import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { first, project, second, user } from "../../test/cli/transcripts.ts";
import { withStoreOf } from "../../test/cli/work.ts";
import { dollars } from "./dollars.ts";

let home: Home;

beforeEach(async () => {
  home = new Home();
  home.transcript(project, first, [user("u1", null, "Go", 1), answer("m1", 1_000, 10), answer("m2", 3, 7)]);
  home.transcript("-other", second, [user("o1", null, "Go", 1), answer("m1", 1_000, 10), answer("m3", 1, 1)]);
  await home.runInside(["import"]);
});
afterEach(() => home[Symbol.dispose]());

const prices = [
  { models: ["my-*"], from: "2026-01-01", microDollarsPerMillion: { input: 3_000_001, output: 15_000_000 } },
];

describe("dollars", () => {
  it.each([
    [0, "$0.00"],
    [1, "$0.000001"],
    [10_000, "$0.01"],
    [12_300, "$0.0123"],
    [1_234_567_890_000, "$1,234,567.89"],
    [9_007_199_254_740_991, "$9,007,199,254.740991"],
  ])("of %i micro-dollars are exact: %s", (micro, text) => {
    expect(dollars(micro)).toBe(text);
  });
});

describe("usage", () => {
  it("counts a response of two transcripts once, and tells what has no price", async () => {
    const { code, stdout, stderr } = await home.runInside(["usage"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^2026-11-20 {2}3 {10}1,004 {2}18 .*\$0\.00 and 3 unpriced$/m);
    expect(stderr).toContain("3 responses have no known price");
    const again = await home.runInside(["usage", "--by", "model", "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      schemaVersion: 1,
      by: "model",
      groups: [{ name: "my-model", responses: 3, tokens: { input: 1004, output: 18 }, unpriced: 3 }],
      total: { responses: 3 },
    });
  });

  it.each([
    ["the option", ["--prices", "prices.json"]],
    ["the config file", []],
  ])("prices by a table of the user's own, exactly, which %s names", async (_, option) => {
    const path = home.write(".config/holdfast/prices.json", JSON.stringify(prices));
    if (option.length === 0) home.write(".config/holdfast/config.json", '{"prices": "prices.json"}');
    const given = option.map((word) => (word === "prices.json" ? path : word));
    const { stdout, stderr } = await home.runInside(["usage", "--by", "project", ...given]);
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^TOTAL .* \$0\.003282$/m);
  });

  it("reaches what was counted without a price when it is built anew with one", async () => {
    await home.runInside(["usage"]);
    const path = home.write("prices.json", JSON.stringify(prices));
    expect((await home.runInside(["projections", "rebuild", "usage", "--prices", path])).code).toBe(0);
    expect((await home.runInside(["usage"])).stderr).toBe("");
  });

  it("groups by a label, and filters by session, project and time", async () => {
    await withStoreOf(home, (store) =>
      store.describe({ session: { project: "-other", session: second }, labels: { team: "core" } }),
    );
    const names = async (...args: string[]) => {
      const { groups } = JSON.parse((await home.runInside(["usage", "--json", ...args])).stdout);
      return groups.map(({ name, responses }: Record<string, unknown>) => [name, responses]);
    };
    expect(await names("--by", "label:team")).toEqual([
      ["core", 1],
      [null, 2],
    ]);
    expect((await home.runInside(["usage", "--by", "label:team"])).stdout).toContain("(none)");
    expect(await names("--session", "0c8f9")).toEqual([["2026-11-20", 1]]);
    expect(await names("--by", "session", "--project", project)).toEqual([[first, 2]]);
    expect(await names("--since", "2026-11-20T12:01:00Z")).toEqual([["2026-11-20", 3]]);
    expect(await names("--until", "2026-11-20T12:01:00Z")).toEqual([]);
  });

  it("says how far behind it is where its projection is paused or broken, and gives what it has", async () => {
    await home.runInside(["projections", "pause", "usage"]);
    const { code, stderr } = await home.runInside(["usage"]);
    expect(code).toBe(0);
    expect(stderr).toMatch(
      /usage is \d+ changes behind: it is paused\. Let it go on with holdfast projections resume usage\./,
    );
  });
});

describe("projections", () => {
  it("list tells how far behind each is, and rebuild gives the same statistics again", async () => {
    const listed = async () => JSON.parse((await home.runInside(["projections", "list", "--json"])).stdout);
    const before = await listed();
    expect(before).toMatchObject({
      schemaVersion: 1,
      projections: [{ name: "git-checkpoints" }, { name: "session-statistics" }, { name: "usage" }],
    });
    expect(before.projections[1].lag).toBeGreaterThan(0);
    const rows = await home.runInside(["list", "--stats", "--json"]);
    const [row] = JSON.parse(rows.stdout).sessions;
    expect(row.statistics).toMatchObject({ turns: 1, toolCalls: 0, tokens: { input: 1001, output: 11 } });
    const after = await listed();
    expect(after.projections[1].lag).toBe(0);
    expect(after.projections[2].lag).toBe(before.projections[2].lag);
    expect((await home.runInside(["projections", "rebuild", "session-statistics"])).code).toBe(0);
    expect((await home.runInside(["list", "--stats", "--json"])).stdout).toBe(rows.stdout);
  });
});

describe("sweep", () => {
  it("removes what no program runs any more only where all that are run are named, and a dry run nothing", async () => {
    await home.runInside(["usage"]);
    await withStoreOf(home, async (store) => {
      for (const projection of ["mine", "former"]) await store.advance({ projection, from: 0, to: 0 });
    });
    const names = () =>
      withStoreOf(home, async (store) => (await store.projections()).map(({ name }) => name).toSorted());
    makeOlder(home);
    const before = await names();
    expect(await home.runInside(["sweep"])).toMatchObject({ code: 0, stdout: "Nothing to sweep.\n" });
    const args = ["sweep", "--projections", "mine"];
    const what = "1 projection: No program runs the projection any more.\n";
    expect((await home.runInside([...args, "--dry-run"])).stdout).toBe(`Would remove ${what}`);
    expect(await names()).toEqual(before);
    expect((await home.runInside(args)).stdout).toBe(`Removed ${what}`);
    expect(await names()).toEqual(before.filter((name) => name !== "former"));
    expect(JSON.parse((await home.runInside([...args, "--json"])).stdout)).toEqual({
      schemaVersion: 1,
      dryRun: false,
      removed: [],
    });
  });
});

/** Lets two days pass for the projections. */
function makeOlder({ database }: Home): void {
  const file = new DatabaseSync(database);
  file.exec("UPDATE projection SET updated_at_ms = updated_at_ms - 172800000");
  file.close();
}

function answer(id: string, input: number, output: number): object {
  const usage = { input_tokens: input, output_tokens: output };
  const content = [{ type: "text", text: id }];
  const message = { id: `msg_${id}`, role: "assistant", model: "my-model", content, usage };
  return {
    type: "assistant",
    uuid: id,
    parentUuid: null,
    requestId: `req_${id}`,
    timestamp: "2026-11-20T12:01:00.000Z",
    message,
  };
}
