import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answerOf, type QueryOptions, said, sdkThat, turnOf } from "../../../../test/agents/stand-in-sdk.ts";
import type { Agent } from "../../../core/agent.ts";
import { Worker } from "../../../runtime/worker.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend, type ClaudeBackendOptions } from "../backend.ts";

const session = { project: "p", session: "s" };

let store: ReturnType<typeof openMemoryStore>;
/** What each process was started with. */
let started: QueryOptions[];
/** What a running process was asked to change to. */
let changes: unknown[];
const agents = new Set<Agent>();

beforeEach(() => {
  store = openMemoryStore();
  [started, changes] = [[], []];
});
afterEach(async () => {
  for (const agent of agents) await agent.close?.();
  agents.clear();
  await store.close();
});

function backend(options: ClaudeBackendOptions): Agent {
  const sdk = sdkThat((prompt) => answerOf(prompt), {
    methods: { setPermissionMode: async (mode) => void changes.push(mode) },
  });
  const query: typeof sdk.query = (params) => {
    started.push(params.options as QueryOptions);
    return sdk.query(params);
  };
  const agent = claudeBackend({ sdk: { query }, ...options });
  agents.add(agent);
  return agent;
}

const bypassing = { prompt: "two", permissionMode: "bypassPermissions" };

describe("an input that asks for no questions", () => {
  test("is refused where the backend does not allow it, and the process that is there goes on", async () => {
    const agent = backend({ permissionMode: "default" });
    await said(agent.run(turnOf({ store, body: "one" })));
    expect(await said(agent.run(turnOf({ store, body: bypassing })))).toEqual([
      expect.stringMatching(/^result: The input's permissionMode .* which this backend does not allow\./),
    ]);
    expect((await said(agent.run(turnOf({ store, body: "three" })))).at(-1)).toBe("result: answer to three");
    expect([started.length, changes]).toEqual([1, []]);
    expect(started[0]).not.toHaveProperty("allowDangerouslySkipPermissions");
  });

  test.each<[string, ClaudeBackendOptions]>([
    ["says so to the SDK", { options: { allowDangerouslySkipPermissions: true } }],
    ["lets sessions begin like that", { permissionMode: "bypassPermissions" }],
    ["lets the SDK begin like that", { options: { permissionMode: "bypassPermissions" } }],
  ])("is answered by a process that may change to it, where the backend %s", async (_, options) => {
    const agent = backend(options);
    await said(agent.run(turnOf({ store, body: { prompt: "one", permissionMode: "plan" } })));
    expect((await said(agent.run(turnOf({ store, body: bypassing })))).at(-1)).toBe("result: answer to two");
    expect([started, changes]).toMatchObject([
      [{ permissionMode: "plan", allowDangerouslySkipPermissions: true }],
      ["bypassPermissions"],
    ]);
  });
});

test("A session that ran without questions does not do so by a backend that does not allow it.", async () => {
  const answer = async (agent: Agent, body: object): Promise<void> => {
    const key = `k${started.length}`;
    await store.admit({ session, key, body: JSON.stringify(body), provider: "claude-code" });
    await new Worker({ store, agents: [agent], owner: "w" }).drain();
    await agent.close?.();
    const [input] = await store.inputs({ key });
    expect(input).toMatchObject({ state: "consumed" });
  };
  const allowing = { options: { allowDangerouslySkipPermissions: true } };
  await answer(backend(allowing), bypassing);
  await answer(backend(allowing), { prompt: "It lasts." });
  await answer(backend({ permissionMode: "plan" }), { prompt: "It does not." });
  expect(started.map(({ permissionMode }) => permissionMode)).toEqual([
    "bypassPermissions",
    "bypassPermissions",
    "plan",
  ]);
});

test("A session begins in the folder, with the model and in the mode that the SDK's own options name.", async () => {
  const folder = mkdtempSync(`${tmpdir()}/holdfast-work-`);
  const agent = backend({ model: "ours", options: { cwd: folder, model: "theirs", permissionMode: "plan" } });
  await said(agent.run(turnOf({ store, body: { prompt: "one" } })));
  expect(started).toMatchObject([{ cwd: folder, model: "ours", permissionMode: "plan" }]);
  await agent.close?.();
  rmSync(folder, { recursive: true });
});

describe("servers that live in this process", () => {
  const server = () => ({ type: "sdk", name: "own", instance: {} });

  test("are made anew for each process", async () => {
    const agent = backend({ options: { mcpServers: () => ({ own: server() }) } });
    await said(agent.run(turnOf({ store, body: "one" })));
    await agent.close?.();
    await said(agent.run(turnOf({ store, body: "two" })));
    const [first, second] = started.map(
      ({ mcpServers }) => (mcpServers as { own: { instance: object } }).own,
    );
    expect(second).toEqual(server());
    expect(second!.instance).not.toBe(first!.instance);
  });

  test("are refused where the same ones are given to a second process, which would lack their tools", async () => {
    const own = server();
    const agent = backend({ options: { mcpServers: () => ({ own }) } });
    await said(agent.run(turnOf({ store, body: "one" })));
    await agent.close?.();
    await expect(said(agent.run(turnOf({ store, body: "two" })))).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("mcpServers"),
    });
  });
});
