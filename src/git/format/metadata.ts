import { cappedList } from "./capped-list.ts";
import { isSameValue, RawNumber, RawObject, rawOf, RawSlice, type RawValue } from "./raw-json.ts";
import { slotOfPath } from "./slots.ts";
import { transcriptStartKeys } from "./transcript-start.ts";

/** What the files of a slot are called, in the order in which the root names them; a file that is not there is undefined. */
export interface SlotPaths {
  readonly slot: number;
  readonly paths: Readonly<Record<string, string | undefined>> & { readonly metadata: string };
}

/** The keys of the root in their order (specification, section 3.1). */
export const rootKeys: readonly string[] = [
  ..."cli_version checkpoint_id strategy branch commit_sha checkpoints_count files_touched files_touched_count".split(
    " ",
  ),
  ..."sessions token_usage combined_attribution has_review has_investigation imported".split(" "),
  ..."token_usage_version linked_commits".split(" "),
];

/** The keys of a session in their order (section 3.2); `files_touched_count` is Holdfast's own. */
export const sessionKeys: readonly string[] = [
  ..."cli_version checkpoint_id session_id strategy created_at branch commit_sha checkpoints_count".split(
    " ",
  ),
  ..."save_step_count files_touched files_touched_count agent model turn_id is_task tool_use_id".split(" "),
  ..."transcript_identifier_at_start checkpoint_transcript_start token_transcript_start".split(" "),
  ..."transcript_lines_at_start compact_transcript_start token_usage skill_events_version skill_events".split(
    " ",
  ),
  ..."session_metrics summary initial_attribution prompt_attributions kind review_skills review_prompt".split(
    " ",
  ),
  ..."investigate_run_id investigate_topic".split(" "),
];

/**
 * A session's metadata: what is given over what is stored. A key that is not given stays as it is; one that is given
 * empty goes, but for those that every record has.
 */
export function sessionMetadata(
  stored: RawObject | undefined,
  fields: Readonly<Record<string, unknown>>,
): RawObject {
  const base = stored ?? new RawObject([]);
  const hasNewStart = transcriptStartKeys.some(
    (key) => fields[key] !== undefined && !isSame(base.get(key), fields[key]),
  );
  const merged = merge(hasNewStart ? base.without(transcriptStartKeys) : base, withFilesCut(fields), {
    order: sessionKeys,
    required: sessionRequired,
  });
  return stored === undefined ? fill(merged, sessionDefaults) : merged;
}

/** What the root says of all sessions of a checkpoint together. */
export interface RootSums {
  readonly checkpoints_count: number;
  readonly files_touched: readonly string[];
  /** How many there are at least, where not all are named; else 0. */
  readonly files_touched_count: number;
  /** undefined where no session has any: what is stored stays. */
  readonly token_usage: RawObject | undefined;
}

/** The root's metadata over what is stored: sums anew, the paths of written slots, and every other key as it is. */
export function rootMetadata(params: {
  readonly stored: RawObject | undefined;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly sessions: readonly RawObject[];
  readonly written: readonly SlotPaths[];
}): RawObject {
  const { stored, fields, written } = params;
  const base = stored ?? new RawObject([]);
  const sessions = sessionEntries(base.list("sessions"), written);
  return merge(
    base,
    { ...sumsOf(params.sessions), ...fields, sessions },
    { order: rootKeys, required: rootRequired },
  );
}

/** The sums over the sessions of one checkpoint (section 3.1). */
export function sumsOf(sessions: readonly RawObject[]): RootSums {
  const files = cappedList(sessions.flatMap((session) => session.texts("files_touched")).toSorted());
  const counts = sessions.map((session) => session.number("files_touched_count") ?? 0);
  return {
    checkpoints_count: sessions.reduce((sum, session) => sum + promptCountOf(session), 0),
    files_touched: files.values,
    files_touched_count: Math.max(files.count > files.values.length ? files.count : 0, ...counts),
    token_usage: sumOfUsage(sessions.flatMap((session) => session.object("token_usage") ?? [])),
  };
}

/** The number of prompts in a session's part: `steps_count` in the oldest records (section 3.2). */
export function promptCountOf(session: RawObject): number {
  const count = session.number("checkpoints_count") ?? session.number("steps_count") ?? 0;
  return Number.isSafeInteger(count) && count > 0 ? count : 0;
}

const rootRequired = new Set(["checkpoint_id", "strategy", "checkpoints_count", "files_touched", "sessions"]);
const sessionDefaults: Readonly<Record<string, RawValue>> = {
  checkpoint_id: "",
  session_id: "",
  strategy: "",
  created_at: "",
  checkpoints_count: new RawNumber("0"),
  files_touched: [],
  model: "",
};
// 0 says that the compact transcript is whole, and its absence that it is not (section 3.2).
const sessionRequired = new Set([...Object.keys(sessionDefaults), "compact_transcript_start"]);
const maxUsageDepth = 20;
const maxUsageKeys = 100;

function merge(
  base: RawObject,
  fields: Readonly<Record<string, unknown>>,
  { order, required }: { readonly order: readonly string[]; readonly required: ReadonlySet<string> },
): RawObject {
  const changes = new Map<string, RawValue | undefined>();
  for (const [key, value] of Object.entries(fields)) {
    // A stored value that is given again keeps its place, and an empty one stays.
    if (value === undefined || isSame(base.get(key), value)) continue;
    const raw = rawOf(value);
    changes.set(key, isEmpty(raw) && !required.has(key) ? undefined : raw);
  }
  return base.withAll(changes, order);
}

function isSame(stored: RawValue | undefined, given: unknown): boolean {
  return stored === given || (stored !== undefined && isSameValue(stored, rawOf(given)));
}

function fill(metadata: RawObject, defaults: Readonly<Record<string, RawValue>>): RawObject {
  const missing = Object.entries(defaults).filter(([key]) => metadata.get(key) === undefined);
  // The oldest records count under another name; a second count would contradict it.
  const wanted = missing.filter(
    ([key]) => key !== "checkpoints_count" || metadata.get("steps_count") === undefined,
  );
  return wanted.reduce((filled, [key, value]) => filled.with(key, value, sessionKeys), metadata);
}

// As Go leaves out a key marked `omitempty`.
function isEmpty(value: RawValue): boolean {
  if (value instanceof RawNumber) return Number(value.spelling) === 0;
  if (value instanceof RawSlice) return /^\[\s*\]$/.test(value.spelling);
  if (value instanceof RawObject) return value.entries.length === 0;
  return value === null || value === "" || value === false || (Array.isArray(value) && value.length === 0);
}

function withFilesCut(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const files = fields["files_touched"];
  if (!Array.isArray(files)) return fields;
  const { values, count } = cappedList(
    (files as readonly unknown[]).filter((file) => typeof file === "string"),
  );
  // A count that is given is of a list that was cut before.
  return { files_touched_count: count > values.length ? count : 0, ...fields, files_touched: values };
}

function sessionEntries(stored: readonly RawValue[], written: readonly SlotPaths[]): RawValue[] {
  const bySlot = new Map(written.map((slotPaths) => [slotPaths.slot, slotPaths]));
  const entries = stored.map((entry) => {
    const slot = entry instanceof RawObject ? slotOfPath(entry.text("metadata") ?? "") : undefined;
    const paths = slot === undefined ? undefined : bySlot.get(slot)?.paths;
    if (!(entry instanceof RawObject) || slot === undefined || paths === undefined) return entry;
    bySlot.delete(slot);
    return withPaths(entry, paths);
  });
  return [...entries, ...[...bySlot.values()].map(({ paths }) => withPaths(new RawObject([]), paths))];
}

function withPaths(entry: RawObject, paths: SlotPaths["paths"]): RawObject {
  const order = Object.keys(paths);
  return Object.entries(paths).reduce(
    (merged, [key, path]) => (path === undefined ? merged.without([key]) : merged.with(key, path, order)),
    entry,
  );
}

function sumOfUsage(usages: readonly RawObject[], depth = 0): RawObject | undefined {
  const [first, ...others] = usages.filter(({ entries }) => entries.length <= maxUsageKeys);
  if (first === undefined || depth > maxUsageDepth) return undefined;
  return others.reduce((sum, usage) => addUsage(sum, usage, depth), first);
}

function addUsage(sum: RawObject, usage: RawObject, depth: number): RawObject {
  return usage.entries.reduce((added, [key, value]) => {
    const before = added.get(key);
    if (before === undefined) return added.with(key, value);
    if (before instanceof RawNumber && value instanceof RawNumber) {
      return added.with(key, rawOf(Number(before.spelling) + Number(value.spelling)));
    }
    if (!(before instanceof RawObject) || !(value instanceof RawObject)) return added;
    return added.with(key, sumOfUsage([before, value], depth + 1) ?? before);
  }, sum);
}
