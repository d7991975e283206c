import assert from "node:assert/strict";
import type { ProcessIdentity, RunEvent } from "../../core/event.ts";
import { eventsOf, resultOf, type Stage } from "./stage.ts";
import type { AgentTests } from "./tests.ts";

/** Processes that outlive their host. */
export function leftoverTests({ describe, test }: AgentTests): void {
  describe("leftovers", () => {
    test("A process that lives is told to whoever did not start it, and one that has ended is not.", async (stage) => {
      const { events, processes } = await turnOf(stage);
      const other = stage.another();
      if (processes.length === 0 || other.leftovers === undefined) {
        assert.deepEqual((await other.leftovers?.(events)) ?? [], []);
        return;
      }
      const pids = (await other.leftovers(events)).map(({ pid }) => pid);
      assert.deepEqual(
        pids,
        processes.map(({ pid }) => pid),
      );
      await stage.agent.close?.();
      assert.deepEqual(await other.leftovers(events), []);
    });

    test("A process of the same number that is another one is not told.", async (stage) => {
      const { processes } = await turnOf(stage);
      const other = stage.another();
      const [known = { pid: process.pid, started: "1", host: "here" }] = processes;
      // A marker alone tells whose a process is.
      const unmarked = { ...known, ...(known.marker !== undefined && { marker: `${known.marker}0` }) };
      const strangers: ProcessIdentity[] = [
        { ...unmarked, started: `${known.started}0` },
        { ...known, host: `another ${known.host}` },
        { ...unmarked, pid: 2 ** 30 },
      ];
      for (const one of strangers) {
        const events: RunEvent[] = [{ type: "status", status: "process_started", process: one }];
        assert.deepEqual((await other.leftovers?.(events)) ?? [], [], JSON.stringify(one));
      }
    });
  });
}

async function turnOf(stage: Stage): Promise<{ events: RunEvent[]; processes: ProcessIdentity[] }> {
  const played = await stage.turn({ prompt: stage.prompts.say("one") });
  resultOf(played);
  const events = eventsOf(played);
  const processes = events.flatMap((event) => (event.type === "status" ? (event.process ?? []) : []));
  return { events, processes };
}
