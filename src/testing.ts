export {
  type AgentPrompts,
  agentSuite,
  type AgentSuiteParams,
  type AgentWorld,
  type SuiteEnded,
  type SuitePrompt,
  type SuiteWorker,
  type SuiteWorkerParams,
} from "./testing/agent-suite/index.ts";
export {
  type ClaudeKey,
  type ClaudeStore,
  claudeStoreSuite,
  type ClaudeStoreSuiteParams,
  type SuiteEntry,
  type SuiteFold,
  type SuiteSummary,
} from "./testing/claude-suite/index.ts";
export {
  type FakeModel,
  type FakeModelOptions,
  type FakeModelRequest,
  startFakeModel,
} from "./testing/fake-model/index.ts";
export { storeSuite, type StoreSuiteParams, type SuiteRunner } from "./testing/store-suite/index.ts";
