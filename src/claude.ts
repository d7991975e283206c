export {
  claudeSessionStore,
  type ClaudeSessionStore,
  type ClaudeSessionStoreOptions,
  type ClaudeStoreHealth,
} from "./agents/claude/adapter.ts";
export type {
  ClaudeEntry,
  ClaudeSessionKey,
  ClaudeSummary,
  FoldSessionSummary,
} from "./agents/claude/contract.ts";
export {
  importClaudeTranscripts,
  type ImportClaudeParams,
  type ImportClaudeReport,
} from "./agents/claude/import.ts";
export { verifySession, type VerifyReport } from "./agents/claude/verify.ts";
export type { Finding } from "./agents/claude/transcript-links.ts";
