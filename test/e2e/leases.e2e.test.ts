import { describe, expect, test } from "vitest";
import { verifySession } from "../../src/claude.ts";
import { Bench, sessionOf } from "./bench.ts";
import { versions } from "./sdk.ts";

describe.each(versions)("leases on SDK %s", (version) => {
  const calm = { refused: 0, branches: 0, leasesLost: 0 };

  test("hand a session from one process to the next, with subagents, compactions and forks", async () => {
    await using bench = await Bench.open({ version });
    const [one, other] = [0, 1].map(() => bench.sessionsOn(bench.store, { lease: "auto" })) as [
      Bench["sessions"],
      Bench["sessions"],
    ];
    const prompts = ["AGENT BASH echo sub", "/compact", "BASH echo two"];
    const { sessionId } = await bench.say(prompts, { store: one });
    await one.close();
    await bench.say("PAR 3", { store: other, resume: sessionId, sessionStoreFlush: "eager" });
    const fork = await bench.say("SAY aside", { store: other, resume: sessionId, forkSession: true });
    await other.close();
    await bench.say("SAY three", { store: one, resume: sessionId });
    await bench.say("SAY further", { store: one, resume: fork.sessionId });
    for (const sessions of [one, other]) expect(sessions.health()).toMatchObject(calm);
    for (const id of [sessionId, fork.sessionId]) {
      const { findings } = await verifySession(bench.store, sessionOf(id));
      expect(findings.filter(({ code }) => code === "branch")).toEqual([]);
    }
  });

  test("refuse a resume of what another process writes, and name it", async () => {
    await using bench = await Bench.open({ version });
    const [one, other] = [0, 1].map(() => bench.sessionsOn(bench.store, { lease: "auto" })) as [
      Bench["sessions"],
      Bench["sessions"],
    ];
    const { sessionId } = await bench.say("SAY one", { store: one });
    const refused = await bench.say("SAY two", { store: other, resume: sessionId }).catch((error) => error);
    expect(String((refused as Error).cause)).toContain(`process ${process.pid}`);
    await bench.say("SAY two", { store: one, resume: sessionId });
    expect(one.health()).toMatchObject(calm);
  });

  test("report the branch where two processes were let in", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say("SAY one");
    const writers = [0, 1].map(() => bench.sessionsOn(bench.store, { lease: "none" }));
    await Promise.all(
      writers.map(async (store) => {
        await using twin = await Bench.open({ version, model: { delayMs: 1000 } });
        await twin.say("SAY two", { resume: sessionId, store, cwd: bench.cwd });
      }),
    );
    expect(writers.map((writer) => writer.health().branches).toSorted((a, b) => a - b)).toEqual([0, 1]);
    const { findings } = await verifySession(bench.store, sessionOf(sessionId));
    expect(findings.filter(({ code }) => code === "branch")).toHaveLength(1);
  });
});
