import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { RunEvent } from "../../src/runtime.ts";
import { AgentBench, marksIn, project } from "./agent-bench.ts";
import { agentOf, agentOn, openTaskStore } from "./agent-task.ts";
import { agentProcesses } from "./marked-processes.ts";
import { loadSdk, type Sdk, type SdkMessage, versions } from "./sdk.ts";

describe.each(versions)("turns of the agent on SDK %s", (version) => {
  test("share one process while it is warm, and go on from the store once it was closed, on another machine too", async () => {
    await using bench = await AgentBench.open({ version });
    const task = bench.task();
    const agent = await agentOf(task);
    const first = await bench.say(agent, `WRITE ${task.cwd}/note.txt hello world`);
    expect(first.ended).toMatchObject([{ as: "committed", ok: true }]);
    expect(readFileSync(join(task.cwd, "note.txt"), "utf8")).toBe("hello world");
    expect(agentProcesses(bench.mark)).toHaveLength(1);
    const second = await bench.say(agent, "BASH echo two");
    expect([...first.events, ...second.events].filter(isStart)).toHaveLength(1);
    await agent.close?.();
    expect(agentProcesses(bench.mark)).toEqual([]);

    const idling = await agentOf({ ...task, idleMs: 50 });
    const third = await bench.say(idling, "SAY three");
    while (agentProcesses(bench.mark).length > 0) await delay(20);
    const fourth = await bench.say(idling, "SAY four");
    expect([third, fourth].map(({ events }) => events.filter(isStart).length)).toEqual([1, 1]);
    await idling.close?.();

    // Another folder to work in, and nothing of what the agent writes for itself.
    const elsewhere = await bench.agent();
    const fifth = await bench.say(elsewhere, "SAY five");
    await elsewhere.close?.();

    const shown = [first, second, third, fourth, fifth].map((said) => said.shown);
    const prompts = [
      "WRITE <cwd>/note.txt hello world",
      "BASH echo two",
      "SAY three",
      "SAY four",
      "SAY five",
    ];
    expect(shown).toEqual(await bench.control(prompts));
    await bench.isSound();
    await bench.allEnded();
  });

  test("whose commit is refused are seen by nobody, and the next turn goes on as if they had never been", async () => {
    await using bench = await AgentBench.open({ version });
    const task = bench.task({ refusals: 2 });
    const agent = await agentOf(task);
    const first = await bench.say(agent, "SAY one");
    expect(first.ended).toMatchObject([{ as: "committed" }]);
    const before = await bench.transcript();

    // Its own commit, and the one by what is stored.
    const refusing = await openTaskStore(task);
    const seen: number[] = [];
    const looking = setInterval(() => void bench.transcript().then(({ length }) => seen.push(length)), 20);
    const lost = await bench.admit("SAY lost");
    const done = Promise.withResolvers<unknown>();
    const { Worker } = await import("../../src/runtime.ts");
    const worker: InstanceType<typeof Worker> = new Worker({
      store: refusing,
      agents: [agent],
      owner: "refused",
      project,
      onEnd: (_, ended) => {
        done.resolve(ended);
        void worker.stop();
      },
    });
    await worker.drain();
    clearInterval(looking);
    expect(await done.promise).toMatchObject({
      as: "discarded",
      reason: expect.stringContaining("takes no commit"),
    });
    await refusing.close();
    await bench.store.cancel({ session: { project, session: "s" }, input: lost.id, actor: "test" });
    expect(new Set([...seen, before.length])).toEqual(new Set([before.length]));
    expect(await bench.transcript()).toEqual(before);

    const next = await bench.say(agent, "SAY two");
    expect(next.ended).toMatchObject([{ as: "committed", ok: true }]);
    expect(next.shown).toEqual((await bench.control(["SAY one", "SAY two"])).at(-1));
    await agent.close?.();
    await bench.isSound();
    await bench.allEnded();
  });

  test("have the agent's result at once although an append takes 1.5 s, and lose nothing", async () => {
    await using bench = await AgentBench.open({ version });
    const task = bench.task({ appendMs: 1500 });
    const results: number[] = [];
    const agent = agentOn(
      seen(await loadSdk(version), ({ type }) => type === "result" && results.push(Date.now())),
      task,
    );
    const store = await openTaskStore(task);
    await bench.say(agent, "SAY one", { store });
    const second = await bench.say(agent, `MARK word ${join(bench.folder, "marks")}`, { store });
    expect(second.ended).toMatchObject([{ as: "committed", ok: true }]);
    const third = await bench.say(agent, "SAY three", { store });
    expect(results).toHaveLength(3);
    const asked = bench.model.requests.filter(({ method }) => method === "POST");
    // From the model's last answer of a turn to the SDK's own result.
    const delays = [asked[0], asked[2], asked[3]].map((request, at) => results[at]! - request!.atMs);
    expect(Math.max(...delays), `${delays.join(", ")} ms`).toBeLessThan(1000);
    await agent.close?.();
    await store.close();
    expect(marksIn(join(bench.folder, "marks"))).toEqual(["word"]);
    const after = await bench.agent();
    const fourth = await bench.say(after, "SAY four");
    await after.close?.();
    const control = await bench.control(["SAY one", `MARK word <cwd>/marks`, "SAY three", "SAY four"]);
    expect(third.shown.map(withoutPath)).toEqual(control[2]!.map(withoutPath));
    expect(fourth.shown.map(withoutPath)).toEqual(control[3]!.map(withoutPath));
    await bench.isSound();
    await bench.allEnded();
  });
});

function isStart(event: RunEvent): boolean {
  return event.type === "status" && event.status === "process_started";
}

/** The same SDK, whose messages are looked at as they come. */
function seen(sdk: Sdk, look: (message: SdkMessage) => unknown): Sdk {
  return {
    ...sdk,
    query: (params) => {
      const query = sdk.query(params);
      return new Proxy(query, {
        get: (target, name) => {
          if (name === Symbol.asyncIterator) return () => looked(target, look);
          const value: unknown = Reflect.get(target, name);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
}

async function* looked(
  query: AsyncIterable<SdkMessage>,
  look: (message: SdkMessage) => unknown,
): AsyncGenerator<SdkMessage> {
  for await (const message of query) {
    look(message);
    yield message;
  }
}

function withoutPath(line: string): string {
  return line.replaceAll(/\S*\/marks/g, "<marks>");
}
