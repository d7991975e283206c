export { openStore, type OpenStoreOptions } from "./open-store.ts";
export { spooled, type SpooledOptions } from "./open-spool.ts";
export type { SpooledStore, SpoolOptions, SpoolStatus } from "./runtime/spooled.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export type { Entry, EntryInput } from "./core/entry.ts";
export { type ErrorCode, errorCodes, HoldfastError, isHoldfastError } from "./core/errors.ts";
export type { AuditParams, AuditRow } from "./core/audit.ts";
export type { AdoptParams, Holding, HoldingsPage, HoldingsParams, KeysParams } from "./core/holdings.ts";
export type { LogKey, SessionKey } from "./core/ids.ts";
export {
  type AdmitParams,
  type AdmitResult,
  type CancelParams,
  type Fate,
  fateOf,
  type Input,
  type InputsParams,
  type InputState,
} from "./core/input.ts";
export type {
  AcquireLeaseParams,
  ClearLeaseParams,
  ClearLeaseResult,
  Fence,
  Lease,
  ReleaseLeaseParams,
  RenewLeaseParams,
} from "./core/lease.ts";
export type {
  AdvanceParams,
  ProjectedParams,
  ProjectionRow,
  SetProjectionParams,
} from "./core/projection.ts";
export type {
  Claim,
  ClaimParams,
  CommitParams,
  CommitResult,
  EndRunParams,
  EndRunResult,
  Receipt,
  Run,
  RunPage,
  RunsParams,
  RunState,
  Tail,
  TailPart,
} from "./core/run.ts";
export type {
  AppendParams,
  AppendResult,
  Change,
  ChangesParams,
  ChangesResult,
  DescribeParams,
  DropParams,
  DropResult,
  Fold,
  FoldState,
  LogRow,
  MigrateResult,
  PutBlobParams,
  ReadParams,
  ReadResult,
  ScanParams,
  SessionPage,
  SessionRow,
  SessionsFilter,
  SessionsParams,
  Store,
  StoreHealth,
  Tombstone,
  TombstonesParams,
} from "./core/store.ts";
export type { SweepParams, SweepResult, Swept, SweptKind } from "./core/sweep.ts";
export type { RecordUsageParams, Tokens, UsageGroup, UsageParams, UsageRow } from "./core/usage.ts";
