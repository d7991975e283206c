import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home, snapshot } from "../../test/cli/home.ts";
import { withStoreOf } from "../../test/cli/work.ts";
import type { SessionKey } from "../core/ids.ts";
import { endOf, leaseMs } from "../testing/store-suite/work-samples.ts";

let home: Home;
const here = { project: "p-1", session: "s-1" };
const there = { project: "p-1", session: "s-2" };

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("redispatch", () => {
  it("says in a dry run what it then does, changes nothing before, does it once, and keeps it on record", async () => {
    await givenUp(here);
    const before = snapshot(home.folder);
    expect(await home.runInside(["redispatch", "--dry-run"])).toMatchObject({
      code: 0,
      stdout:
        "1 of s-1: would be queued again, behind run 1.3: The model is gone.\n1 input would be queued again.\n",
    });
    expect(snapshot(home.folder)).toEqual(before);
    const { code, stdout } = await home.runInside(["redispatch", "--reason", "mended"]);
    expect([code, stdout]).toEqual([0, "1 of s-1: queued again, behind run 1.3.\n1 input queued again.\n"]);
    expect((await home.runInside(["redispatch"])).stdout).toBe("Nothing to do: no input was given up.\n");
    const [row] = await withStoreOf(home, (store) => store.audit());
    expect(row).toMatchObject({
      verb: "input_requeued",
      reason: "mended",
      actor: expect.stringMatching(/^cli:/),
    });
    const { stdout: list } = await home.runInside(["inputs", "list", "--state", "queued"]);
    expect(list).toMatch(/^1 +queued .* 0 /m);
  });

  it("takes only what is named, tells JSON, and leaves what an operator gave up until it is named", async () => {
    await givenUp(here);
    await givenUp(there, "discarded");
    const only = await home.runInside(["redispatch", "--session", "s-2", "--json"]);
    expect(JSON.parse(only.stdout)).toMatchObject({
      schemaVersion: 1,
      dryRun: false,
      inputs: [{ input: { id: "2" }, result: "left", because: "given_up" }],
    });
    expect((await home.runInside(["redispatch", "--project", "other"])).stdout).toMatch(/^Nothing to do/);
    expect((await home.runInside(["redispatch", "--project", "p-1"])).stdout).toBe(
      "1 of s-1: queued again, behind run 1.3.\n2 of s-2: left, its run 2.3 was put aside: name it with --input to queue it again.\n1 input queued again, 1 left.\n",
    );
    expect((await home.runInside(["redispatch", "--input", "2"])).stdout).toContain("2 of s-2: queued again");
    expect((await home.runInside(["redispatch", "--input", "2"])).stdout).toContain(
      "2 of s-2: left, it is queued.",
    );
  });

  it("refuses an input that is not there, or was answered, and a session that nobody knows", async () => {
    await home.runInside(["run", "say 1", "--agent", "scripted", "--session", "s-1", "--project", "p-1"]);
    expect(await home.runInside(["redispatch", "--input", "1"])).toMatchObject({
      code: 1,
      stderr: "holdfast: The input 1 is consumed. Admit a new input; nothing was written.\n",
    });
    expect(await home.runInside(["redispatch", "--input", "9"])).toMatchObject({ code: 1 });
    expect(await home.runInside(["redispatch", "--session", "nobody"])).toMatchObject({ code: 1 });
    for (const option of ["--input", "--session", "--project", "--reason"])
      expect(await home.runInside(["redispatch", option, ""])).toMatchObject({ code: 2 });
  });
});

/** Leaves an input that was tried as often as it may be. */
async function givenUp(session: SessionKey, as: "interrupted" | "discarded" = "interrupted"): Promise<void> {
  await withStoreOf(home, async (store) => {
    await store.admit({ session, key: "k", body: '{"prompt":"say it"}', provider: "scripted" });
    for (;;) {
      const claim = (await store.claim({ worker: "w", leaseMs, session: session.session }))!;
      const { input } = await endOf(store, claim, as, { reason: "The model is gone." });
      if (input.state === "abandoned") return;
    }
  });
}
