export type {
  CheckpointInput,
  CheckpointStore,
  Layout,
  ListedCheckpoint,
  SessionInput,
  StoredCheckpoint,
  StoredSession,
  StoredTask,
  StoredText,
  TaskInput,
  Written,
} from "./git/checkpoint-store.ts";
export type { Behind, MirrorWork } from "./git/behind.ts";
export { DualStore, type DualWriteOptions, type Healed } from "./git/dual-write.ts";
export { BranchLayout, type BranchOptions } from "./git/layouts/branch.ts";
export { RefsLayout, type RefsOptions } from "./git/layouts/refs.ts";
export { V2Layout, type V2Options } from "./git/layouts/v2/layout.ts";
export { openRepository, type OpenOptions } from "./git/plumbing/open-repository.ts";
export type { GitOptions, GitResult, Repository } from "./git/plumbing/repository.ts";
export type {
  Commit,
  Identity,
  ObjectBatch,
  ObjectId,
  ObjectReader,
  ObjectType,
  TreeEntry,
} from "./git/plumbing/objects.ts";
export type { Ref, Refs, RefUpdate } from "./git/plumbing/refs.ts";
export { checkId, type IdShape, mintHexId, mintUlid, type RandomBytes, shapeOfId } from "./git/format/ids.ts";
export { RawNumber, RawObject, RawSlice, type RawValue } from "./git/format/raw-json.ts";
export type { Finding, FindingCode } from "./git/format/findings.ts";
export type { CommentStyle } from "./git/format/message-body.ts";
export {
  addTrailers,
  type MessageTrailers,
  type NewTrailers,
  parseTrailers,
  stripTrailers,
} from "./git/format/trailers.ts";
export { type Redactor, redactor, type RedactorParams } from "./git/content/redactor.ts";
export {
  sessionContent,
  type SessionContent,
  type SessionContentParams,
} from "./git/content/session-content.ts";
export { CompactText, type CompactParams, type CompactWritten } from "./git/content/compact/compact-text.ts";
export { compactPart, readCompact, type ReadCompactLine } from "./git/content/compact/read.ts";
export { disable, type Disabled } from "./git/flow/disable.ts";
export { enable, type Enabled, type EnableParams } from "./git/flow/enable.ts";
export { type FlowSettings, readFlowSettings } from "./git/flow/flow-settings.ts";
export type { Programs } from "./git/flow/hook-scripts.ts";
export { type FlowStatus, flowStatus } from "./git/flow/status.ts";
export { type Destination, destinationOf } from "./git/push/destination.ts";
export { discover, type Discovery } from "./git/push/discover.ts";
export { fetchAll, fetchArchives, fetchCheckpoints } from "./git/push/fetch.ts";
export type { FetchParams, FetchReport } from "./git/push/fetch-refs.ts";
export { type PushParams, type PushReport, pushWaiting } from "./git/push/push.ts";
export { type FlowWorkParams, workOnFlow } from "./git/flow/flow-worker.ts";
export type { Worked } from "./git/flow/worker.ts";
export { importCheckpoints, type ImportParams, type ImportReport } from "./git/import.ts";
export type { ClaudeTranscript } from "./git/import/claude-code.ts";
export type { SessionResult } from "./git/import/session-result.ts";
export { openLayout } from "./git/layouts/open-layout.ts";
export { migrateCheckpoints, type MigrateParams } from "./git/migrate/migrate.ts";
export type { MigrateReport } from "./git/migrate/report.ts";
export { type Repair, repairCheckpoints, type RepairParams, type RepairReport } from "./git/repair.ts";
export { verifyCheckpoints, type VerifyParams, type VerifyReport } from "./git/verify.ts";
export type { CheckpointFinding } from "./git/verify/found.ts";
export type { CheckpointSource } from "./git/reading/checkpoint-source.ts";
export type { CheckpointFacts, SessionFacts } from "./git/reading/checkpoint-facts.ts";
export type { CommitRecord } from "./git/reading/commits.ts";
export {
  explain,
  type Explained,
  type ExplainedSession,
  type ExplainedTask,
  type ExplainParams,
} from "./git/reading/explain.ts";
export { FactsIndex, type IndexOptions } from "./git/reading/facts-index.ts";
export { findLinks, type FindLinksParams, type FoundLinks } from "./git/reading/link.ts";
export type { Confidence, FoundLink } from "./git/reading/link-file.ts";
export { type LinkedCheckpoint, type LoggedCommit, type LogParams, readLog } from "./git/reading/log.ts";
export { type CommitLink, type Named, resolveName } from "./git/reading/resolve.ts";
export { resume, type Resumed, type ResumeParams } from "./git/reading/resume/resume.ts";
export { rewind, type RewindParams, type Rewound, undoRewind } from "./git/reading/rewind/rewind.ts";
export { RoutedSource } from "./git/reading/routed-source.ts";
export { why, type Why, type WhyParams } from "./git/reading/why.ts";
