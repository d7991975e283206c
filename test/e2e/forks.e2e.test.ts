import { describe, expect, test } from "vitest";
import { verifySession } from "../../src/claude.ts";
import { Bench, sessionOf } from "./bench.ts";
import { versions } from "./sdk.ts";

describe.each(versions)("forks on SDK %s", (version) => {
  const prompts = ["BASH echo one", "SAY two"] as const;

  test("shows a fork the turns of its source, and leaves the source as it was", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say(prompts);
    const source = await bench.entries(sessionId);

    const fork = await bench.say("SAY aside", { resume: sessionId, forkSession: true });
    const resumed = await bench.say("SAY further", { resume: fork.sessionId });
    expect(fork.sessionId).not.toBe(sessionId);
    expect(resumed.sessionId).toBe(fork.sessionId);
    const control = await bench.control([...prompts, "SAY aside", "SAY further"]);
    expect([...fork.shown, ...resumed.shown]).toEqual(control.slice(2));
    expect(await bench.entries(sessionId)).toEqual(source);

    // The fork carries the uuids of its source: a store that took them for duplicates would have lost it.
    const uuids = new Set(source.flatMap(({ uuid }) => uuid ?? []));
    expect((await bench.entries(fork.sessionId)).some(({ uuid }) => uuids.has(uuid ?? ""))).toBe(true);
    expect((await verifySession(bench.store, sessionOf(fork.sessionId))).findings).toEqual([]);
  });

  test("continues source and fork side by side, neither seeing the other", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say(prompts);
    const fork = await bench.say("SAY aside", { resume: sessionId, forkSession: true });
    const [own, aside] = await Promise.all([
      onModelOfItsOwn(bench, "SAY on", sessionId),
      onModelOfItsOwn(bench, "SAY on", fork.sessionId),
    ]);
    expect(own).toEqual((await bench.control([...prompts, "SAY on"])).slice(2));
    expect(aside).toEqual((await bench.control([...prompts, "SAY aside", "SAY on"])).slice(3));
  });

  test("resumes what the SDK's own forkSession made", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say(prompts);
    const source = await bench.entries(sessionId);
    const inStore = { sessionStore: bench.sessions, dir: bench.cwd };
    const fork = await bench.sdk.forkSession(sessionId, inStore);

    const resumed = await bench.say("SAY further", { resume: fork.sessionId });
    expect(resumed.shown).toEqual((await bench.control([...prompts, "SAY further"])).slice(2));
    expect(await bench.entries(sessionId)).toEqual(source);
    expect((await verifySession(bench.store, sessionOf(fork.sessionId))).findings).toEqual([]);
  });
});

/** Two conversations at once need two models: each is asked what it was shown last. */
async function onModelOfItsOwn(bench: Bench, prompt: string, resume: string): Promise<unknown> {
  await using twin = await Bench.open({ version: bench.version });
  return (await twin.say(prompt, { resume, store: bench.sessions, cwd: bench.cwd })).shown;
}
