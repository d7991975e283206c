import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { checkpointInput, sessionInput } from "../../test/git/checkpoint-data.ts";
import { handBranch, handCheckpoint } from "../../test/git/hand-written.ts";
import { type Machine, checkpointRefsOf, sharing } from "../../test/git/machines.ts";
import { gitTestEnv } from "../../test/git/repositories.ts";
import { branchRef } from "../git/format/checkpoint-refs.ts";
import { V2Layout } from "../git/layouts/v2/layout.ts";

const id = "a3b2c4d5e6f7";
const here = process.cwd();
let home: Home;

beforeEach(() => {
  home = new Home();
});
afterEach(() => {
  process.chdir(here);
  home[Symbol.dispose]();
});

async function holdfast({ path }: Machine, ...args: readonly string[]) {
  process.chdir(path);
  return await home.runInside(["git", ...args], { env: gitTestEnv });
}

describe("holdfast git push and fetch", () => {
  test("bring a checkpoint from one machine to another, and tell in words and in JSON", async () => {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    await handCheckpoint(one.repository, { id, sessions: [{ sessionId: "s1" }] });
    expect(await holdfast(one, "push")).toMatchObject({ code: 0, stdout: "Nothing to push.\n" });
    expect(await holdfast(one, "push", "--all")).toMatchObject({
      code: 0,
      stdout: "Pushed 1 ref to origin.\n",
    });
    expect(await checkpointRefsOf(remote)).toHaveLength(1);

    const names = await holdfast(two, "fetch");
    expect([names.code, names.stdout]).toEqual([
      0,
      expect.stringContaining(`1 of them are not here.\n  ${id}\n`),
    ]);
    expect(JSON.parse((await holdfast(two, "fetch", "--json")).stdout)).toMatchObject({
      discovery: { absent: [id], same: 0 },
    });
    expect(await checkpointRefsOf(two.path)).toEqual([]);
    const fetched = await holdfast(two, "fetch", id, "ffffffffffff");
    expect([fetched.code, fetched.stdout]).toEqual([
      3,
      expect.stringContaining("ffffffffffff: the remote has none"),
    ]);
    expect(await checkpointRefsOf(two.path)).toEqual(await checkpointRefsOf(remote));
    expect(await holdfast(two, "fetch", "--all")).toMatchObject({
      code: 0,
      stdout: "Fetched 0 from origin, 1 other was here.\n",
    });
  });

  test("push --all sends what nobody noted in every layout, and once", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await handCheckpoint(one.repository, { id, sessions: [{ sessionId: "s1" }] });
    await handBranch(one.repository, [{ id: "0123456789ab", sessions: [{ sessionId: "s2" }] }]);
    const session = await sessionInput(one.repository, "s3");
    await new V2Layout(one.repository).write(checkpointInput("ba9876543210", [session]));

    await one.queue.add([branchRef]);
    expect((await holdfast(one, "disable")).stdout).toContain("1 ref of checkpoints was not pushed yet");

    expect(await holdfast(one, "push", "--all")).toMatchObject({
      code: 0,
      stdout: "Pushed 4 refs to origin.\n",
    });
    expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(one.path));
    expect(await checkpointRefsOf(remote)).toHaveLength(4);
    expect((await holdfast(one, "push", "--all")).stdout).toBe("Nothing to push.\n");
  });

  test("are not needed for a branch that git itself has fetched: it is read, and ours stays where it is", async () => {
    const { machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    for (const [{ repository, queue }, own] of [
      [one, id],
      [two, "0123456789ab"],
    ] as const) {
      await handBranch(repository, [{ id: own, sessions: [{ sessionId: `s-${own}` }] }]);
      await queue.add([branchRef]);
    }
    await one.push();
    const before = await two.git("rev-parse", branchRef);
    await two.git("fetch", "-q");

    for (const each of [id, "0123456789ab"])
      expect(await holdfast(two, "explain", each)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining(`s-${each}`) as string,
      });
    expect((await holdfast(two, "list")).stdout).toContain(id);
    expect(await two.git("rev-parse", branchRef)).toBe(before);
  });

  test("say what waits, why, and what to do, where a remote cannot be reached or is not meant", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await one.queue.add([await handCheckpoint(one.repository, { id, sessions: [{ sessionId: "s1" }] })]);
    await one.git("config", "holdfast.push", "false");
    expect(await holdfast(one, "push")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("stay here") as string,
    });
    expect((await holdfast(one, "push", "--remote", "none")).stderr).toContain('the remote "none"');
    rmSync(remote, { recursive: true });
    const failed = await holdfast(one, "push", "--remote", "origin");
    expect(failed.code).toBe(3);
    expect(failed.stdout).toContain("1 ref still waits: the remote cannot be reached.");
    expect((await holdfast(one, "fetch", id, "--remote", "origin")).code).toBe(1);
    expect((await holdfast(one, "fetch", id, "--all")).code).toBe(2);
  });
});

test("holdfast git expire lets old archives go here and on the remote, and says so first", async () => {
  const { remote, machine } = await sharing();
  const one = await machine();
  const store = new V2Layout(one.repository, { rotateAt: 1 });
  await one.queue.add(
    (await store.write(checkpointInput(id, [await sessionInput(one.repository, "s1")]))).refs,
  );
  await one.push();
  expect(await checkpointRefsOf(remote)).toHaveLength(3);

  expect((await holdfast(one, "expire", "--before", "2026-02-03")).stdout).toBe("No archive is that old.\n");
  const dry = await holdfast(one, "expire", "--before", "2026-02-10", "--dry-run");
  expect(dry.stdout).toContain("Would remove 1 archive");
  expect(await checkpointRefsOf(remote)).toHaveLength(3);
  expect((await holdfast(one, "expire", "--before", "2026-02-10")).stdout).toContain("Removed 1 archive");
  expect(await checkpointRefsOf(remote)).toHaveLength(2);
  expect(await checkpointRefsOf(one.path)).toEqual(await checkpointRefsOf(remote));
});
