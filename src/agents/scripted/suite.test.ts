import { describe, test } from "vitest";
import { ScriptedWorld } from "../../../test/agents/scripted-world.ts";
import { Worker } from "../../runtime/worker.ts";
import { agentSuite } from "../../testing/agent-suite/index.ts";

describe("the scripted agent", () => {
  agentSuite({ runner: { describe, test }, worker: Worker, open: async () => new ScriptedWorld() });
});
