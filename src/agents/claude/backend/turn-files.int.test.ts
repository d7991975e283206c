import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { answerOf, said, sdkThat, turnOf } from "../../../../test/agents/stand-in-sdk.ts";
import type { Agent } from "../../../core/agent.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";

const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";

let folder: string;
let store: ReturnType<typeof openMemoryStore>;
let agent: Agent | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-turn-files-"));
  store = openMemoryStore();
});
afterEach(async () => {
  await agent?.close?.();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test("A turn has its result although a folder of another project cannot be looked into, which is said once.", async () => {
  const projects = join(folder, "projects");
  mkdirSync(projects);
  symlinkSync("loop", join(projects, "loop"));
  agent = claudeBackend({ sdk: sdkThat((prompt) => answerOf(prompt, sessionId), { folder }) });
  const first = await said(agent.run(turnOf({ store, body: "one" })));
  expect(first.slice(-2)).toEqual([
    expect.stringMatching(/^notice: What the session may have in .*loop is not kept\. ELOOP/),
    "result: answer to one",
  ]);
  const second = await said(agent.run(turnOf({ store, body: "two", resume: sessionId })));
  expect(second).toEqual(["user: two", "result: answer to two"]);
});
