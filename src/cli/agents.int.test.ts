import { expect, test } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { Screen } from "../../test/cli/screen.ts";
import type { Agent } from "../core/agent.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { AgentRegistry } from "../runtime/agent-registry.ts";
import { withAgents } from "./agents.ts";
import { withStreams } from "./streams.ts";

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

test.each([
  ["is told beside the command's own error", "It failed."],
  ["costs a command nothing that has done its work", undefined],
])("What goes wrong as agents end %s.", async (_, failure) => {
  using home = new Home();
  const load = async (): Promise<Agent> => ({
    ...scriptedAgent(),
    close: () => Promise.reject(new Error("It does not end.")),
  });
  const registry = new AgentRegistry({ agents: [{ name: "a", load }], routes: {} });
  const stderr = new Screen(undefined, []);
  const use = async (): Promise<string> => {
    await registry.named("a");
    if (failure !== undefined) throw new Error(failure);
    return "done";
  };
  const options = { store: `${home.folder}/agents.db` };
  const ended = withStreams({ stdout: stderr, stderr }, () => withAgents(registry, options, use));
  if (failure === undefined) expect(await ended).toBe("done");
  else await expect(ended).rejects.toThrow(failure);
  expect(stderr.text).toMatch(/^holdfast: It does not end\./);
});
