export { openStore, type OpenStoreOptions } from "./open-store.ts";
export { type Clock, systemClock } from "./core/clock.ts";
export type { Entry, EntryInput } from "./core/entry.ts";
export { type ErrorCode, errorCodes, HoldfastError, isHoldfastError } from "./core/errors.ts";
export type { LogKey, SessionKey } from "./core/ids.ts";
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
