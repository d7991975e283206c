import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { verifySession } from "../../src/claude.ts";
import { Bench, sessionOf } from "./bench.ts";
import { versions } from "./sdk.ts";

describe.each(versions)("turns on SDK %s", (version) => {
  const prompts = ["WRITE <cwd>/note.txt hello world", "AGENT BASH echo sub", "SAY bye"] as const;

  test("shows the model after each resume what it would have seen without one, subagents too", async () => {
    await using bench = await Bench.open({ version });
    const [write, agent, bye] = prompts;

    const { sessionId, shown: afterWrite } = await bench.say(write);
    expect(readFileSync(join(bench.cwd, "note.txt"), "utf8")).toBe("hello world");
    // One append for the turn, and a small one for what the agent notes after its result.
    expect(bench.sessions.health()).toMatchObject({ appends: 2, duplicates: 0, refused: 0, silentTurns: 0 });
    expect((await bench.entries(sessionId)).length).toBeGreaterThan(5);

    const second = await bench.say(agent, { resume: sessionId });
    const third = await bench.say(bye, { resume: sessionId });
    expect([second.sessionId, third.sessionId]).toEqual([sessionId, sessionId]);
    const logs = (await bench.store.logs(sessionOf(sessionId))).map(({ log }) => log);
    expect(logs).toEqual(["", expect.stringMatching(/^subagents\/agent-[0-9a-f]{17}$/)]);

    const control = await bench.control(prompts);
    expect(control[2]!.filter((line) => line.startsWith("user: "))).toContain("user: SAY bye");
    expect(control[2]).toContain("assistant: [use Agent]");
    expect([...afterWrite, ...second.shown, ...third.shown]).toEqual(control);
    expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
  });

  test("resumes from another working directory, because the project has a name of its own", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say("SAY one");
    const moved = await bench.say("SAY two", { resume: sessionId, cwd: bench.newFolder("elsewhere") });
    expect(moved.shown).toEqual((await bench.control(["SAY one", "SAY two"])).slice(1));
  });

  test("resumes from the memory store as well", async () => {
    await using bench = await Bench.open({ version, url: "memory:" });
    const { sessionId } = await bench.say("BASH echo one");
    const resumed = await bench.say("SAY two", { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control(["BASH echo one", "SAY two"])).slice(1));
  });

  test("stores the same conversation where every step is flushed by itself", async () => {
    await using bench = await Bench.open({ version, model: { delayMs: 200 } });
    const { sessionId } = await bench.say("LOOP 3", { sessionStoreFlush: "eager" });
    expect(bench.sessions.health().appends).toBeGreaterThan(2);
    const resumed = await bench.say("SAY two", { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control(["LOOP 3", "SAY two"])).slice(1));
    expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
  });

  test("hides nothing of a session that another release wrote", async () => {
    await using bench = await Bench.open({ version });
    const other = versions.find((one) => one !== version)!;
    await using elder = await Bench.open({ version: other });
    const { sessionId } = await elder.say("BASH echo one", { store: bench.sessions, cwd: bench.cwd });
    const resumed = await bench.say("SAY two", { resume: sessionId });
    const [control] = (await bench.control(["BASH echo one", "SAY two"])).slice(1);
    expect(resumed.shown[0]).toEqual(expect.arrayContaining(control as string[]));
  });
});
