import { afterEach, describe, expect, test, vi } from "vitest";
import { type RescueReport, rescueSession } from "../../src/claude.ts";
import { Bench, sessionOf } from "./bench.ts";
import { ended, killProcess, startHost } from "./processes.ts";
import { versions } from "./sdk.ts";

afterEach(() => void vi.unstubAllEnvs());

describe.each(versions)("a host that is killed in mid-turn on SDK %s", (version) => {
  const [first, loop, after] = ["SAY one", "LOOP 6", "SAY after"] as const;

  test("loses nothing of the turn that its orphaned agent went on with, once that has been rescued", async () => {
    await using bench = await Bench.open({ version, model: { delayMs: 300 } });
    const { sessionId } = await bench.say(first);
    const [agent] = await killHost(bench, { prompt: loop, options: { resume: sessionId } });
    expect(JSON.stringify(await bench.entries(sessionId))).not.toContain(loop);
    expect((await rescue(bench, sessionId)).warnings).toEqual([
      expect.stringContaining(`Process ${agent} still runs`),
    ]);

    await ended(agent!);
    const { warnings, verified } = await rescue(bench, sessionId);
    expect([warnings, verified.findings]).toEqual([[], []]);
    const resumed = await bench.say(after, { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control([first, loop, after])).slice(2));
  });

  test("keeps the finished steps of a turn whose host and agent died together", async () => {
    await using bench = await Bench.open({ version, model: { delayMs: 300 } });
    const { sessionId } = await bench.say(first);
    await killHostAndAgent(bench, { prompt: loop, options: { resume: sessionId } });

    const { warnings, verified } = await rescue(bench, sessionId);
    expect(warnings).toEqual([]);
    // Whether the call under way had a result depends on the moment; nothing else may be wrong.
    expect(verified.findings.filter(({ code }) => code !== "tool_without_result")).toEqual([]);
    const [resumed] = (await bench.say(after, { resume: sessionId })).shown;
    const [, control] = await bench.control([first, loop]);
    expect(resumed!.slice(0, 7)).toEqual(control!.slice(0, 7));
    expect(resumed).toContain("user: [result step 2]");
  });

  test.each(["batched", "eager"] as const)(
    "never hides what was said since the crash when the rescue comes late (%s)",
    async (sessionStoreFlush) => {
      await using bench = await Bench.open({ version, model: { delayMs: 300 } });
      const { sessionId } = await bench.say(first);
      await killHostAndAgent(bench, { prompt: loop, options: { resume: sessionId, sessionStoreFlush } });

      const unaware = await bench.say(after, { resume: sessionId });
      // Flushed by itself, each finished step is in the store already.
      expect(unaware.shown[0]!.includes("user: [result step 1]")).toBe(sessionStoreFlush === "eager");
      await rescue(bench, sessionId);
      const [last] = (await bench.say("SAY last", { resume: sessionId })).shown;
      expect(last).toEqual([...unaware.shown[0]!, "assistant: after", "user: SAY last"]);
    },
  );
});

async function killHostAndAgent(bench: Bench, task: Parameters<typeof startHost>[1]): Promise<void> {
  const [agent] = await killHost(bench, task);
  killProcess(agent!);
  await ended(agent!);
}

/** Kills the host once the model has been asked for the fourth time; its agents are returned, and live. */
async function killHost(bench: Bench, task: Parameters<typeof startHost>[1]): Promise<number[]> {
  const asked = bench.model.requests.filter(({ method }) => method === "POST").length;
  const host = startHost(bench, task);
  await bench.model.waitFor(asked + 4);
  const agents = host.agents();
  expect(agents).toHaveLength(1);
  await host.kill();
  return agents;
}

/** Rescues from what the host has left in its temporary folder, as `holdfast rescue` finds it. */
function rescue(bench: Bench, sessionId: string): Promise<RescueReport> {
  vi.stubEnv("TMPDIR", bench.folder);
  return rescueSession({
    store: bench.store,
    session: sessionOf(sessionId),
    configDir: bench.newFolder("none"),
  });
}
