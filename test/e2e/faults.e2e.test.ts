import { describe, expect, test } from "vitest";
import { rescueSession, verifySession } from "../../src/claude.ts";
import { Bench, sessionOf, type StoredEntry } from "./bench.ts";
import { transcriptOf } from "./transcript.ts";
import { versions } from "./sdk.ts";
import { hangOn, landLate, rejectFirst, withFault } from "./store-faults.ts";

describe.each(versions)("a store that fails on SDK %s", (version) => {
  const prompts = ["BASH echo one", "SAY after"] as const;

  test("loses and doubles nothing when it rejects twice and then accepts", async () => {
    await using bench = await Bench.open({ version });
    const store = bench.sessionsOn(withFault(bench.store, rejectFirst(2)));
    const { sessionId, configDir, mirrorErrors } = await bench.say(prompts[0], { store });
    expect(mirrorErrors).toBe(0);
    expect(store.health()).toMatchObject({ refused: 2, retries: 2, duplicates: 0, mirrorErrors: 0 });

    expect(await bench.entries(sessionId)).toEqual(mirrored(transcriptOf(configDir, sessionId)));
    expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
    const resumed = await bench.say(prompts[1], { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control(prompts)).slice(1));
  });

  test("loses and doubles nothing when an append lands after it was given up, and holds no result back", async () => {
    await using bench = await Bench.open({ version });
    const { fault, landed } = landLate({ delayMs: 900 });
    const store = bench.sessionsOn(withFault(bench.store, fault), { appendTimeoutMs: 300 });
    const { sessionId, configDir, mirrorErrors, elapsedMs } = await bench.say(prompts[0], { store });
    expect(mirrorErrors).toBe(0);
    expect(store.health().timeouts).toBeGreaterThan(0);
    expect(elapsedMs).toBeLessThan(15_000);
    await landed;

    expect(await bench.entries(sessionId)).toEqual(mirrored(transcriptOf(configDir, sessionId)));
    expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
    const resumed = await bench.say(prompts[1], { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control(prompts)).slice(1));
  });

  test("ends the turn and tells of it when it never answers, and a rescue brings the last turn back", async () => {
    await using bench = await Bench.open({ version });
    const warnings: string[] = [];
    const store = bench.sessionsOn(withFault(bench.store, hangOn("turn-two")), {
      appendTimeoutMs: 300,
      onWarning: (warning) => warnings.push(warning),
    });
    const lost = ["SAY turn-one", "BASH echo turn-two"];
    const { sessionId, configDir, mirrorErrors, elapsedMs } = await bench.say(lost, { store });
    expect(elapsedMs).toBeLessThan(20_000);
    expect(mirrorErrors).toBeGreaterThan(0);
    expect(store.health().mirrorErrors).toBe(mirrorErrors);
    expect(warnings).toHaveLength(mirrorErrors);
    expect(warnings[0]).toContain("run rescue");
    expect(JSON.stringify(await bench.entries(sessionId))).not.toContain("turn-two");

    await rescue(bench, sessionId, configDir);
    const resumed = await bench.say("SAY after", { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control([...lost, "SAY after"])).slice(2));
  });

  test("brings back a turn in the middle, which a resume would not have missed", async () => {
    await using bench = await Bench.open({ version });
    const store = bench.sessionsOn(withFault(bench.store, hangOn("turn-two")), { appendTimeoutMs: 100 });
    const lost = ["SAY turn-one", "BASH echo turn-two", "SAY turn-three"];
    const { sessionId, configDir } = await bench.say(lost, { store });
    const unaware = await bench.say("SAY aside", { resume: sessionId, forkSession: true });
    expect(unaware.shown[0]).toContain("user: SAY turn-three");
    expect(unaware.shown[0]).not.toContain("user: BASH echo turn-two");
    const { findings } = await verifySession(bench.store, sessionOf(sessionId));
    expect(findings.map(({ code }) => code)).toEqual(["dangling_parent"]);

    await rescue(bench, sessionId, configDir);
    const resumed = await bench.say("SAY after", { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control([...lost, "SAY after"])).slice(3));
  });

  test("brings back a turn that was the first, and goes on to show what came after it", async () => {
    await using bench = await Bench.open({ version });
    const store = bench.sessionsOn(withFault(bench.store, hangOn("turn-one")), { appendTimeoutMs: 100 });
    const lost = ["SAY turn-one", "SAY turn-two"];
    const { sessionId, configDir } = await bench.say(lost, { store });

    await rescue(bench, sessionId, configDir);
    const resumed = await bench.say("SAY after", { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control([...lost, "SAY after"])).slice(2));
  });

  test("goes on to show the newest turn when an older one is brought back that it had replaced", async () => {
    await using bench = await Bench.open({ version });
    const store = bench.sessionsOn(withFault(bench.store, hangOn("turn-two")), { appendTimeoutMs: 100 });
    const { sessionId, configDir } = await bench.say(["SAY turn-one", "SAY turn-two"], { store });
    await bench.say("SAY turn-three", { resume: sessionId });

    const params = { store: bench.store, session: sessionOf(sessionId), configDir, resumeDirs: [] };
    const { verified } = await rescueSession(params);
    expect(verified.findings.map(({ code }) => code)).toEqual(["branch"]);
    const resumed = await bench.say("SAY after", { resume: sessionId });
    const control = await bench.control(["SAY turn-one", "SAY turn-three", "SAY after"]);
    expect(resumed.shown).toEqual(control.slice(2));
  });
});

/** Rescues twice, for nobody knows that it was done before: the second time must find nothing to add. */
async function rescue(bench: Bench, sessionId: string, configDir: string): Promise<void> {
  const params = { store: bench.store, session: sessionOf(sessionId), configDir, resumeDirs: [] };
  const { imported, verified } = await rescueSession(params);
  expect(imported.entries).toBeGreaterThan(0);
  expect(verified.findings).toEqual([]);
  expect((await rescueSession(params)).imported.entries).toBe(0);
  const [stored, written] = [await bench.entries(sessionId), transcriptOf(configDir, sessionId)];
  expect(stored.map(textOf).toSorted()).toEqual(written.map(textOf).toSorted());
}

/** What the agent sends to a store of all that it writes to its own file. */
function mirrored(entries: readonly StoredEntry[]): StoredEntry[] {
  return entries.filter(({ type }) => !type.startsWith("api-request"));
}

function textOf(entry: StoredEntry): string {
  return JSON.stringify(entry);
}
