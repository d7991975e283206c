const brand = "holdfast.error";

/** Every code that Holdfast throws, with the exit code class it belongs to; docs/guide/errors.md lists them all. */
export const errorCodes = {
  usage: "usage",
  invalid_key: "usage",
  invalid_entry: "usage",
  invalid_limit: "usage",
  cursor_invalid: "usage",
  cursor_ahead: "usage",
  store_url_invalid: "usage",
  store_unreachable: "failure",
  store_foreign: "failure",
  store_too_new: "failure",
  store_corrupt: "failure",
  store_closed: "failure",
  store_full: "failure",
  store_busy: "busy",
  migration_failed: "failure",
  head_conflict: "failure",
  session_dropped: "failure",
  session_unknown: "failure",
  session_ambiguous: "usage",
  session_busy: "busy",
  invalid_lease: "usage",
  lease_lost: "failure",
  invalid_input: "usage",
  input_conflict: "failure",
  input_unknown: "failure",
  input_closed: "failure",
  run_unknown: "failure",
  run_closed: "failure",
  commit_conflict: "failure",
  tail_mismatch: "failure",
  outcome_unknown: "failure",
  position_conflict: "failure",
  mirror_diverged: "failure",
  mirror_behind: "busy",
  spool_waiting: "busy",
  step_unknown: "failure",
  agent_unknown: "usage",
  agent_failed: "failure",
  agent_abandoned: "failure",
  append_timeout: "busy",
  aborted: "failure",
  import_failed: "failure",
  git_busy: "busy",
  git_event_invalid: "failure",
  git_hooks_conflict: "failure",
  git_settings_invalid: "usage",
  sdk_missing: "failure",
  sdk_too_old: "failure",
  redaction_invalid: "usage",
  git_content_invalid: "failure",
  checkpoint_invalid: "usage",
  checkpoint_archive_differs: "failure",
  checkpoint_unknown: "failure",
  checkpoint_ambiguous: "usage",
  checkpoint_damaged: "failure",
  checkpoint_busy: "busy",
  git_missing: "failure",
  git_too_old: "failure",
  git_not_a_repository: "usage",
  git_unsafe: "failure",
  git_failed: "failure",
  git_timeout: "busy",
  git_output_too_large: "failure",
  git_unwritable: "failure",
  git_remote_missing: "failure",
  git_object_invalid: "failure",
  git_object_too_large: "failure",
  git_object_unfetched: "busy",
  git_ref_invalid: "usage",
  git_ref_damaged: "failure",
  git_ref_conflict: "failure",
  git_ref_locked: "busy",
  git_revision_unknown: "usage",
  git_line_unknown: "usage",
  rewind_refused: "failure",
  resume_refused: "failure",
} as const satisfies Record<string, "usage" | "failure" | "busy">;

/** A stable machine-readable name of what went wrong. */
export type ErrorCode = keyof typeof errorCodes;

/** What a {@link HoldfastError} is made of; `next` is the sentence that says what to do now. */
export interface HoldfastErrorParams {
  readonly code: ErrorCode;
  readonly message: string;
  readonly next: string;
  readonly data?: Readonly<Record<string, unknown>>;
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/** The one error base: a stable `code`, machine `data`, and a message that ends in the next step. */
export class HoldfastError extends Error {
  readonly code: ErrorCode;
  readonly data: Readonly<Record<string, unknown>>;
  /** Whether the same call may succeed later without any change; decided by the store that threw it. */
  readonly retryable: boolean;

  constructor({ code, message, next, data = {}, retryable = false, cause }: HoldfastErrorParams) {
    super(`${message} ${next}`, cause === undefined ? undefined : { cause });
    this.name = "HoldfastError";
    this.code = code;
    this.data = data;
    this.retryable = retryable;
    Object.defineProperty(this, brand, { value: true });
  }

  /** The error as plain JSON, for a log line or a wire. */
  toJSON(): {
    code: ErrorCode;
    message: string;
    data: Readonly<Record<string, unknown>>;
    retryable: boolean;
  } {
    return { code: this.code, message: this.message, data: this.data, retryable: this.retryable };
  }
}

/** Tells a Holdfast error by brand, not by `instanceof`, so that two copies of the package agree. */
export function isHoldfastError(value: unknown): value is HoldfastError {
  return typeof value === "object" && value !== null && brand in value;
}
