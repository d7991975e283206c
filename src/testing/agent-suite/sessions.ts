import assert from "node:assert/strict";
import { resultOf, type Stage } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** Sessions beside each other. */
export function sessionTests({ describe, test }: AgentTests): void {
  describe("sessions", () => {
    test("Two that are served at once do not mix.", async (stage) => {
      for (const turn of ["first", "second"]) {
        const marks = { "s-1": `kumquat-${turn}`, "s-2": `rambutan-${turn}` } as const;
        for (const session of ["s-1", "s-2"] as const)
          await stage.ask({ session, prompt: stage.prompts.tool(marks[session]) });
        const together = meeting(2);
        const played = await stage.run({ runs: 2, tap: { step: together } });
        assert.equal(played.length, 2);
        for (const one of played) {
          assert.equal(resultOf(one).ok, true);
          const own = one.input.session === "s-1" ? "kumquat" : "rambutan";
          const text = JSON.stringify(one.steps);
          assert.deepEqual(
            [text.includes("kumquat"), text.includes("rambutan")],
            [own === "kumquat", own === "rambutan"],
          );
        }
      }
      await keptApart(stage);
      assert.equal((await stage.world.marks()).length, 4);
    });
  });
}

async function keptApart(stage: Stage): Promise<void> {
  for (const [session, strange] of [
    ["s-1", "rambutan"],
    ["s-2", "kumquat"],
  ] as const) {
    const text = (await stage.entries(session)).map(({ body }) => body).join("\n");
    assert.ok(!text.includes(strange), `The log of ${session} tells of ${strange}.`);
    const shown = await stage.world.shown(stage.session(session));
    assert.ok(shown !== "" && !shown.includes(strange), `The model of ${session} was shown:\n${shown}`);
  }
}

/** Lets the first that come wait until there are so many: then they go on at once. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  return async () => {
    if ((arrived += 1) === count) resolve();
    await promise;
  };
}
