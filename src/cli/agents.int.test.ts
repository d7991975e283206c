import { expect, test } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { AgentRegistry } from "../runtime/agent-registry.ts";
import { withAgents } from "./agents.ts";

test("Agents end before their store is closed, which keeps what they say last, also where the command fails.", async () => {
  using home = new Home();
  const options = { store: `${home.folder}/agents.db` };
  const log = { project: "p", session: "s", log: "" };
  let lastWords = (): Promise<unknown> => Promise.resolve();
  const load = async () => ({ ...scriptedAgent(), close: async () => void (await lastWords()) });
  const registry = new AgentRegistry({ agents: [{ name: "a", load }], routes: {} });
  const failing = withAgents(registry, options, async (store) => {
    lastWords = () => store.append({ log, entries: [{ body: "{}" }], provider: "scripted" });
    await registry.named("a");
    throw new Error("It failed.");
  });
  await expect(failing).rejects.toThrow("It failed.");
  const { head } = await withAgents(registry, options, (store) => store.read({ log }));
  expect(head).toBe(1);
});
