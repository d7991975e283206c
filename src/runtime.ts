export type {
  Agent,
  AgentCapabilities,
  AgentStep,
  HistoryParams,
  Journal,
  Leftover,
  StepCall,
  Turn,
  TurnStore,
} from "./core/agent.ts";
export { promptOf } from "./core/agent.ts";
export { isLive } from "./core/event.ts";
export type {
  EventEnvelope,
  EventFrame,
  LiveEvent,
  NoticeEvent,
  ProcessIdentity,
  ReplayedEvent,
  ResultEvent,
  RunEvent,
  RunEventType,
  Spoken,
  StatusEvent,
  ToolCallEvent,
  ToolSummaryEvent,
  UsageEvent,
} from "./core/event.ts";
export type { RunEffect } from "./core/run.ts";
export { fileLog, filesOf, type KeptFile, type LostFile, type SideFile } from "./core/side-files.ts";
export type { StepEffect, StepOutcome } from "./core/steps.ts";
export { type Fate, fateOf, type Input, type InputState } from "./core/input.ts";
export { type PriceOfParams, parsePrices, priceOf } from "./core/prices.ts";
export type { PriceRow, TokenPrices } from "./core/price-table.ts";
export { type LookedUp, lookUp, type LookUpParams } from "./runtime/look-up.ts";
export {
  AgentRegistry,
  type AgentRegistryParams,
  type AgentRoute,
  type RegisteredAgent,
} from "./runtime/agent-registry.ts";
export {
  redispatch,
  type Redispatched,
  type RedispatchParams,
  type RedispatchReport,
} from "./runtime/redispatch.ts";
export { Worker, type WorkerParams } from "./runtime/worker.ts";
export type { ObservedRun, RunObserver } from "./runtime/observers.ts";
export type { KeptLink, Link } from "./core/links.ts";
export { linkObserver, readLinks } from "./runtime/links.ts";
export { readTimeline, type TimelineParams } from "./runtime/timeline.ts";
export type { Ended } from "./runtime/execute.ts";
export { systemTimers, type Timers } from "./runtime/timers.ts";
export type { FoundLeftovers, LeftoversOf } from "./runtime/leftovers.ts";
export { reconcile, type ReconcileParams, type ReconcileReport, type Settled } from "./runtime/reconcile.ts";
export type { Reconciled } from "./runtime/recover-run.ts";
export type { DecidedStep } from "./runtime/decide-steps.ts";
export { resolveRun, type ResolveRunParams, type ResolveRunResult } from "./runtime/resolve.ts";
export type { Projection, ProjectionBatch, ProjectionStatus, SessionDocument } from "./runtime/projection.ts";
export { ProjectionRunner, type ProjectionRunnerParams } from "./runtime/projection-runner.ts";
export {
  sessionStatistics,
  type SessionStatisticsParams,
  statisticsOf,
} from "./runtime/session-statistics.ts";
export type { TranscriptReader } from "./runtime/statistics-entry.ts";
export type { SessionStatistics } from "./runtime/tally.ts";
export { usageProjection, type UsageProjectionParams } from "./runtime/usage-projection.ts";
export { type SweepReport, sweepStore, type SweepStoreParams } from "./runtime/sweep.ts";
export { type CopyParams, type CopyProgress, type CopyReport, copyStore } from "./runtime/copy.ts";
export { compareStores, type ParityParams, type ParityReport } from "./runtime/parity.ts";
export type { Difference, LogParity, OpenWork } from "./runtime/compare-session.ts";
export type { LogDigest } from "./runtime/log-digest.ts";
export { mirrored, type MirroredOptions, type MirroredStore, type MirrorStatus } from "./runtime/mirrored.ts";
export type { MirrorLag } from "./runtime/mirror-feed.ts";
export type { MirrorFlag } from "./runtime/mirror-reads.ts";
export type { MirrorDifference } from "./runtime/mirror-shadow.ts";
