import { describe, test } from "vitest";
import { Worker } from "../../src/runtime.ts";
import { agentSuite } from "../../src/testing.ts";
import { ClaudeWorld } from "./claude-world.ts";

// The newest alone: what the two differ in is tried by the tests beside this one.
describe("the Claude agent on SDK 0.3.329", () => {
  agentSuite({
    runner: { describe, test },
    worker: Worker,
    open: () => ClaudeWorld.open({ version: "0.3.329" }),
    moments: 5,
  });
});
