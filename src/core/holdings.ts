import type { AuditRow } from "./audit.ts";
import { checkLimit } from "./checks.ts";
import { HoldfastError } from "./errors.ts";
import type { SessionKey } from "./ids.ts";
import type { Input } from "./input.ts";
import type { Run } from "./run.ts";
import type { SessionRow, Tombstone } from "./store.ts";
import type { UsageRow } from "./usage.ts";

/** One thing that a session has beside its entries, as another store can take it. */
export type Holding =
  | { readonly kind: "tombstone"; readonly tombstone: Tombstone }
  | { readonly kind: "row"; readonly row: SessionRow; readonly titleByUser: boolean }
  /** The last epoch of its leases. */
  | { readonly kind: "epoch"; readonly epoch: number }
  /** With all its runs, the first attempt first. */
  | { readonly kind: "input"; readonly input: Input; readonly runs: readonly Run[] }
  | { readonly kind: "usage"; readonly row: UsageRow }
  | { readonly kind: "audit"; readonly row: Omit<AuditRow, "seq"> }
  | { readonly kind: "blob"; readonly blob: string };

/** Names after `after`, in the order of their UTF-8 bytes by project, then session. `limit` is 1 to 1,000, default 100. */
export interface KeysParams {
  readonly project?: string;
  readonly after?: SessionKey;
  readonly limit?: number;
}

/** `limit` is 1 to 1,000, default 100; what there is but once comes with the first page and is not counted. */
export interface HoldingsParams {
  readonly session: SessionKey;
  readonly cursor?: string;
  readonly limit?: number;
}

export interface HoldingsPage {
  readonly holdings: readonly Holding[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

export interface AdoptParams {
  readonly session: SessionKey;
  readonly holdings: readonly Holding[];
}

/** The kinds of which a session may have many, in the order of the pages. */
export type ListedKind = (typeof listedKinds)[number];

/** A holding with its place among those of its kind, which only grows: of an input and an audit row a number. */
export interface PlacedHolding {
  readonly place: string;
  readonly holding: Holding;
}

/** What a driver reads of one kind behind a place, in order; at most `limit`. */
export type HoldingReader = (
  after: string | undefined,
  limit: number,
) => readonly PlacedHolding[] | Promise<readonly PlacedHolding[]>;

/** Whether an input has ended for good, so that another store may have it. */
export function isFinal({ state }: Pick<Input, "state">): boolean {
  return state !== "queued" && state !== "running";
}

/**
 * The runs by which an input that is abandoned here went on there, where it was queued again; undefined where it did not,
 * or where what is given is another history than the one that ends here with `last`.
 */
export function laterRuns(
  known: Pick<Input, "key" | "body" | "state" | "updatedAtMs">,
  last: Run | undefined,
  { input, runs }: Pick<Extract<Holding, { kind: "input" }>, "input" | "runs">,
): readonly Run[] | undefined {
  const at = last === undefined ? -1 : runs.findIndex((run) => isSameRun(run, last));
  const isSame = input.key === known.key && input.body === known.body && (last === undefined || at >= 0);
  const goesOn = known.state === "abandoned" && input.updatedAtMs > known.updatedAtMs;
  return isSame && goesOn ? runs.slice(at + 1) : undefined;
}

function isSameRun(a: Run, b: Run): boolean {
  return a.id === b.id && a.worker === b.worker && a.epoch === b.epoch && a.startedAtMs === b.startedAtMs;
}

/** Puts one page together. @throws cursor_invalid, invalid_limit */
export async function pageOfHoldings({
  cursor,
  limit = 100,
  single,
  lists,
}: PageParams): Promise<HoldingsPage> {
  checkLimit(limit, 1000);
  const start = cursor === undefined ? undefined : placeIn(cursor);
  const holdings: Holding[] = start === undefined ? [...(await single())] : [];
  let room = limit;
  for (const kind of listedKinds.slice(start === undefined ? 0 : listedKinds.indexOf(start.kind))) {
    const found = await lists[kind](kind === start?.kind ? start.place : undefined, room);
    for (const { holding } of found) holdings.push(holding);
    room -= found.length;
    if (room === 0) return { holdings, cursor: `${kind}:${found.at(-1)!.place}` };
  }
  return { holdings };
}

interface PageParams extends Pick<HoldingsParams, "cursor" | "limit"> {
  /** What there is but once. */
  readonly single: () => readonly Holding[] | Promise<readonly Holding[]>;
  readonly lists: Readonly<Record<ListedKind, HoldingReader>>;
}

const listedKinds = ["blob", "input", "usage", "audit"] as const;

function placeIn(cursor: string): { readonly kind: ListedKind; readonly place: string } {
  const at = cursor.indexOf(":");
  const kind = listedKinds.find((name) => name === cursor.slice(0, at));
  const place = cursor.slice(at + 1);
  const numbered = kind === "input" || kind === "audit";
  if (kind !== undefined && (!numbered || /^\d{1,15}$/.test(place))) return { kind, place };
  throw new HoldfastError({
    code: "cursor_invalid",
    message: "The page cursor is malformed.",
    next: "Pass the cursor that the last page returned, or start again without one.",
  });
}
