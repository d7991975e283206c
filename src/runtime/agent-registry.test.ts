import { describe, expect, test } from "vitest";
import { refused } from "../testing/store-suite/samples.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { HoldfastError } from "../core/errors.ts";
import type { Agent } from "../core/agent.ts";
import { AgentRegistry } from "./agent-registry.ts";
import type { Ended } from "./execute.ts";
import { Worker } from "./worker.ts";

const session = { project: "p", session: "s" };

describe("a registry", () => {
  test("loads an agent when it is used, and once for all that use it", async () => {
    let loads = 0;
    const load = async (): Promise<Agent> => {
      loads += 1;
      return scriptedAgent();
    };
    const registry = new AgentRegistry({
      agents: [{ name: "scripted", load }],
      routes: { scripted: "scripted", other: "scripted" },
    });
    expect([registry.names, registry.providers]).toEqual([["scripted"], ["scripted", "other"]]);
    const route = registry.route("other")!;
    await registry.close();
    expect(loads).toBe(0);
    const [one, two] = await Promise.all([registry.named("scripted"), route.load()]);
    expect(one).toBe(two);
    expect([loads, route.provider, registry.route("nobody")]).toEqual([1, "other", undefined]);
  });

  test("loads again what could not be loaded", async () => {
    let loads = 0;
    const load = async (): Promise<Agent> => {
      if ((loads += 1) === 1) throw new Error("not there");
      return scriptedAgent();
    };
    const registry = new AgentRegistry({ agents: [{ name: "a", load }], routes: {} });
    await expect(registry.named("a")).rejects.toThrow("not there");
    expect((await registry.named("a")).name).toBe("scripted");
  });

  test("refuses a name that is not there, also in a route, and tells those that are", async () => {
    const agents = [{ name: "a", load: async () => scriptedAgent() }];
    const error = await refused("agent_unknown", () =>
      new AgentRegistry({ agents, routes: {} }).named("gpt"),
    );
    expect(error.message).toBe("There is no agent gpt. Name a.");
    expect(() => new AgentRegistry({ agents, routes: { x: "gpt" } })).toThrow("no agent gpt");
  });

  test("closes what was loaded, and only that", async () => {
    const closed: string[] = [];
    const agents = ["a", "b"].map((name) => ({
      name,
      load: async (): Promise<Agent> => ({
        ...scriptedAgent(),
        close: async () => void closed.push(name),
      }),
    }));
    const registry = new AgentRegistry({ agents, routes: { a: "a", b: "b" } });
    await registry.route("b")!.load();
    await registry.close();
    await registry.close();
    expect(closed).toEqual(["b"]);
  });
});

test("A registry closes all its agents though one of them fails, and says so.", async () => {
  const closed: string[] = [];
  const agents = ["a", "b"].map((name) => ({
    name,
    load: async (): Promise<Agent> => ({
      ...scriptedAgent(),
      close: async () => {
        if (name === "a") throw new Error("The store is gone.");
        closed.push(name);
      },
    }),
  }));
  const registry = new AgentRegistry({ agents, routes: {} });
  for (const { name } of agents) await registry.named(name);
  await expect(registry.close()).rejects.toThrow("The store is gone.");
  expect(closed).toEqual(["b"]);
});

describe("a worker with routes", () => {
  test("takes the inputs of its routes' providers alone, and loads what serves them with the first", async () => {
    const store = openMemoryStore();
    const loaded: string[] = [];
    const agents = ["mine", "idle"].map((name) => ({
      name,
      load: async () => {
        loaded.push(name);
        return scriptedAgent();
      },
    }));
    const registry = new AgentRegistry({ agents, routes: { mine: "mine", idle: "idle" } });
    const worker = new Worker({ store, agents: routesOf(registry), owner: "w" });
    await worker.drain();
    expect(loaded).toEqual([]);
    for (const [n, provider] of ["mine", "mine too", "mine"].entries())
      await store.admit({
        session: { ...session, session: provider },
        key: `${n}`,
        body: '{"prompt":"say Hello."}',
        provider,
      });
    await worker.drain();
    expect(loaded).toEqual(["mine"]);
    const states = (await store.inputs({})).map(({ provider, state }) => [provider, state]);
    expect(states).toEqual([
      ["mine", "consumed"],
      ["mine too", "queued"],
      ["mine", "consumed"],
    ]);
  });

  test("whose agent is not installed uses up no try, takes no more of its provider, and serves the others", async () => {
    const store = openMemoryStore();
    const missing = new HoldfastError({ code: "sdk_missing", message: "No SDK.", next: "Install it." });
    const registry = new AgentRegistry({
      agents: [
        { name: "absent", load: async () => Promise.reject(missing) },
        { name: "scripted", load: async () => scriptedAgent() },
      ],
      routes: { absent: "absent", scripted: "scripted" },
    });
    const told: unknown[] = [];
    const ended: Ended[] = [];
    const worker = new Worker({
      store,
      agents: routesOf(registry),
      owner: "w",
      onUnserved: (...how) => void told.push(how),
      onEnd: (_claim, how) => void ended.push(how),
    });
    for (const provider of ["absent", "scripted"])
      await store.admit({
        session: { ...session, session: provider },
        key: "k",
        body: '{"prompt":"say Hello."}',
        provider,
      });
    await worker.drain();
    expect(told).toEqual([["absent", missing]]);
    expect(ended.map(({ as }) => as).toSorted()).toEqual(["committed", "interrupted"]);
    expect(await store.inputs({ state: "queued" })).toMatchObject([{ provider: "absent", attempts: 0 }]);
  });

  test("whose agent fails to load fails its runs with the reason, three times at most", async () => {
    const store = openMemoryStore();
    const load = async (): Promise<Agent> => Promise.reject(new Error("a syntax error"));
    const worker = new Worker({ store, agents: [{ provider: "x", load }], owner: "w" });
    await store.admit({ session, key: "k", body: "{}", provider: "x" });
    await worker.drain();
    expect(await store.inputs({})).toMatchObject([
      { state: "abandoned", attempts: 3, reason: "a syntax error" },
    ]);
  });
});

function routesOf(registry: AgentRegistry) {
  return registry.providers.map((provider) => registry.route(provider)!);
}
