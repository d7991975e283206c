import { expect, test } from "vitest";
import { claudeBackend } from "../../src/claude.ts";
import { openStore } from "../../src/index.ts";
import { Worker } from "../../src/runtime.ts";

test("A Claude backend whose folder is not there says so, and asks the SDK for nothing", async () => {
  const store = await openStore("memory:");
  const asked: unknown[] = [];
  const sdk = { query: (params: unknown) => asked.push(params) } as never;
  const agent = claudeBackend({ sdk, cwd: "/no/such/folder" });
  const session = { project: "p", session: "s" };
  const body = JSON.stringify({ prompt: "Fix the build." });
  await store.admit({ session, key: "1", body, provider: "claude-code" });
  await new Worker({ store, agents: [agent], owner: "w" }).drain();
  const inputs = await store.inputs({ session });
  expect(inputs[0]).toMatchObject({
    state: "abandoned",
    reason: expect.stringContaining("/no/such/folder, which is no folder of this machine."),
  });
  expect(asked).toEqual([]);
  await agent.close?.();
  await store.close();
});
