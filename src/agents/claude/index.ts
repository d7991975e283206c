export {
  claudeSessionStore,
  type ClaudeSessionStore,
  type ClaudeSessionStoreOptions,
  type ClaudeStoreHealth,
} from "./adapter.ts";
export type { ClaudeEntry, ClaudeSessionKey, ClaudeSummary, FoldSessionSummary } from "./contract.ts";
export { importClaudeTranscripts, type ImportClaudeParams, type ImportClaudeReport } from "./import.ts";
export { verifySession, type VerifyReport } from "./verify.ts";
export type { Finding } from "./transcript-findings.ts";
export { rescueSession, type RescueParams, type RescueReport } from "./rescue.ts";
export type { ClaudeLeaseOptions } from "./session-writer.ts";
export type { ClaudeBranch } from "./log-heads.ts";
export type { LeaseTimer } from "./lease-timer.ts";
export { claudeBackend, type ClaudeBackendOptions } from "./backend.ts";
export {
  type DeskAnswer,
  type PermissionAnswer,
  permissionDesk,
  type PermissionDesk,
  type PermissionDeskOptions,
  type PermissionHandler,
  type PermissionQuestion,
} from "./backend/permission-desk.ts";
export type { ClaudeSdk } from "./backend/sdk-contract.ts";
export type { ClaudeSdkOptions } from "./backend/sdk-options.ts";
