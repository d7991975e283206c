/** What is not as the format says: it is told, and hinders no reading. */
export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  /** A path in the checkpoint, a ref or an object. */
  readonly where: string;
  readonly sentence: string;
  readonly next: string;
}

/** `error`: something is lost or dangerous; `warning`: a reader may be misled; `note`: seen in real data, and harmless. */
export type Severity = "error" | "warning" | "note";

export type FindingCode = keyof typeof findingCodes;

/** A finding with the severity and the next step of its code. */
export function findingOf(code: FindingCode, where: string, sentence: string): Finding {
  const { severity, next } = findingCodes[code];
  return { code, severity, where: shown(where), sentence, next };
}

/** The next step where what is missing may lie elsewhere. */
export const nextFetch =
  "Bring it with `holdfast git fetch --all` if it was pushed, then run `holdfast git verify` again.";

const nextRepair = "Run `holdfast git repair`.";
const nextNothing = "Nothing needs to be done.";
const nextIgnored = "It is ignored when the checkpoint is read; look at where the checkpoint came from.";

/** Every code, with what it means for a reader. */
const findingCodes = {
  entry_unsafe: { severity: "error", next: nextIgnored },
  entry_too_large: { severity: "error", next: nextIgnored },
  entries_too_many: { severity: "error", next: nextIgnored },
  json_invalid: { severity: "error", next: nextRepair },
  object_missing: { severity: "error", next: nextFetch },
  object_damaged: {
    severity: "error",
    next: "Put the object back from another clone or a backup; `git fsck` tells what else is damaged.",
  },
  chunk_missing: { severity: "error", next: nextFetch },
  metadata_missing: { severity: "error", next: nextRepair },
  ref_dangling: { severity: "error", next: nextRepair },
  ref_damaged: {
    severity: "error",
    next: "Delete its file in the git folder, then run `holdfast git fetch`, or set it to what its reflog ends in.",
  },
  id_mismatch: { severity: "warning", next: nextRepair },
  hash_invalid: { severity: "warning", next: nextRepair },
  hash_missing: { severity: "warning", next: nextRepair },
  hash_mismatch: {
    severity: "warning",
    next: "Compare it with the copy that was pushed: what it was before cannot be told from here.",
  },
  session_repeated: { severity: "warning", next: nextNothing },
  session_unnamed: { severity: "warning", next: nextRepair },
  session_unlisted: { severity: "warning", next: nextRepair },
  session_absent: { severity: "warning", next: nextRepair },
  path_foreign: { severity: "warning", next: nextRepair },
  path_missing: { severity: "note", next: nextNothing },
  transcript_missing: { severity: "note", next: nextNothing },
  slots_sparse: { severity: "note", next: nextNothing },
  ulid_in_tree: {
    severity: "note",
    next: "Readers of the git-branch layout do not look for it: use git-refs.",
  },
  ref_foreign: { severity: "warning", next: nextIgnored },
  shard_wrong: { severity: "error", next: nextRepair },
  asset_missing: { severity: "warning", next: nextNothing },
  compact_less_redacted: {
    severity: "error",
    next: "Write the checkpoint again without its compact transcript, and rotate what it shows.",
  },
  generation_invalid: {
    severity: "warning",
    next: "Retention leaves this archive alone; nothing is lost.",
  },
  generation_repeated: { severity: "warning", next: "The newest one counts; nothing is lost." },
  main_missing: { severity: "error", next: nextFetch },
  checkpoint_without_commit: { severity: "note", next: "Run `holdfast git link` to look for its commit." },
  commit_without_checkpoint: { severity: "warning", next: nextFetch },
  mirror_behind: {
    severity: "warning",
    next: "Run `holdfast git repair`; a mirror is healed from the primary.",
  },
} as const satisfies Record<string, { severity: Severity; next: string }>;

const maxShown = 200;

// A name from a hostile repository must not move the cursor of the terminal that shows it.
function shown(where: string): string {
  const clean = where.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "\u{FFFD}");
  return clean.length > maxShown ? `${clean.slice(0, maxShown)}…` : clean;
}
