import {
  type Holding,
  type HoldingReader,
  type HoldingsPage,
  type HoldingsParams,
  type ListedKind,
  pageOfHoldings,
  type PlacedHolding,
} from "../../core/holdings.ts";
import type { SessionKey } from "../../core/ids.ts";
import { epochOf, findLane } from "./lane.ts";
import { copyOfRun } from "./run.ts";
import { toSessionRow } from "./session.ts";
import { idOf, type State, visibleSession } from "./state.ts";

/** A page of what a session has beside its entries. */
export function holdings(state: State, { session: key, ...page }: HoldingsParams): Promise<HoldingsPage> {
  const lists: Readonly<Record<ListedKind, HoldingReader>> = {
    input: (after = "0", limit) =>
      pageOf(inputsOf(state, key), ({ place }) => Number(place) > Number(after), limit),
    usage: (after = "", limit) => pageOf(usageOf(state, key), ({ place }) => bytes(place, after) > 0, limit),
    audit: (after = "0", limit) =>
      pageOf(auditOf(state, key), ({ place }) => Number(place) > Number(after), limit),
    blob: (after = "", limit) => pageOf(blobsOf(state, key), ({ place }) => place > after, limit),
  };
  return pageOfHoldings({ ...page, single: () => singleHoldings(state, key), lists });
}

function pageOf(
  placed: readonly PlacedHolding[],
  isBehind: (one: PlacedHolding) => boolean,
  limit: number,
): PlacedHolding[] {
  return placed.filter(isBehind).slice(0, limit);
}

function singleHoldings(state: State, key: SessionKey): Holding[] {
  const tombstone = state.tombstones.get(idOf(key));
  const found = visibleSession(state, key);
  const lane = findLane(state, key);
  const epoch = lane === undefined ? 0 : epochOf(lane);
  return [
    ...(tombstone === undefined ? [] : [{ kind: "tombstone" as const, tombstone: { ...tombstone } }]),
    ...(found === undefined
      ? []
      : [{ kind: "row" as const, row: toSessionRow(found), titleByUser: found.titleByUser }]),
    ...(epoch === 0 ? [] : [{ kind: "epoch" as const, epoch }]),
  ];
}

function inputsOf(state: State, key: SessionKey): PlacedHolding[] {
  const lane = findLane(state, key);
  const runs = [...(lane?.runs ?? [])].map(({ value }) => copyOfRun(value));
  return [...(lane?.inputs ?? [])].map(({ value }) => {
    const own = runs.filter(({ input }) => input === value.id).toSorted((a, b) => a.attempt - b.attempt);
    return { place: value.id, holding: { kind: "input", input: { ...value }, runs: own } };
  });
}

function usageOf(state: State, key: SessionKey): PlacedHolding[] {
  return [...state.usage.values()]
    .filter(({ session }) => idOf(session) === idOf(key))
    .map(({ row }): PlacedHolding => ({
      place: row.key,
      holding: { kind: "usage", row: { ...row, tokens: { ...row.tokens } } },
    }))
    .toSorted((a, b) => bytes(a.place, b.place));
}

function auditOf(state: State, key: SessionKey): PlacedHolding[] {
  return state.audit
    .filter((row) => idOf(row) === idOf(key))
    .map(({ seq, ...row }) => ({ place: String(seq), holding: { kind: "audit", row } }));
}

function blobsOf(state: State, key: SessionKey): PlacedHolding[] {
  return [...state.blobs]
    .filter(([, { holders }]) => holders.has(idOf(key)))
    .map(([blob]): PlacedHolding => ({ place: blob, holding: { kind: "blob", blob } }))
    .toSorted((a, b) => (a.place < b.place ? -1 : 1));
}

function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
