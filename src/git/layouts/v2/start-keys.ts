import { sessionKeys } from "../../format/metadata.ts";
import type { RawObject } from "../../format/raw-json.ts";

/**
 * A session's metadata as main has it: its `checkpoint_transcript_start` counts lines of the compact transcript
 * (specification, section 6.1); the one that counts raw lines is kept under a key of our own (section 8).
 */
export function toMain(metadata: RawObject): RawObject {
  const raw = metadata.get("checkpoint_transcript_start") ?? metadata.get("transcript_lines_at_start");
  const compact = metadata.get("compact_transcript_start");
  const rest = metadata.without([rawStart, ...lineStarts]);
  const withCompact =
    compact === undefined ? rest : rest.with("checkpoint_transcript_start", compact, sessionKeys);
  return raw === undefined ? withCompact : withCompact.with(rawStart, raw, sessionKeys);
}

/**
 * The metadata as the other layouts have it. Where another writer left no raw start, there is none: the compact one must
 * not be taken for it, and the uuid of the last message or the beginning counts.
 */
export function fromMain(metadata: RawObject, form: "final" | "earlier"): RawObject {
  const raw = metadata.get(rawStart);
  if (raw === undefined && form === "earlier") return metadata;
  const compact = metadata.get("checkpoint_transcript_start");
  const rest = metadata.without([rawStart, ...lineStarts]);
  const withRaw = raw === undefined ? rest : rest.with("checkpoint_transcript_start", raw, sessionKeys);
  return compact === undefined ? withRaw : withRaw.with("compact_transcript_start", compact, sessionKeys);
}

/** The metadata as it comes back from main. */
export function throughMain(metadata: RawObject): RawObject {
  return fromMain(toMain(metadata), "final");
}

/** As the first writers of this layout had it: raw lines, under both names. */
export function toSeedMain(metadata: RawObject): RawObject {
  const raw = metadata.get("checkpoint_transcript_start");
  const rest = metadata.without(["compact_transcript_start"]);
  return raw === undefined ? rest : rest.with("transcript_lines_at_start", raw, sessionKeys);
}

const rawStart = "raw_transcript_start";
const lineStarts = ["checkpoint_transcript_start", "transcript_lines_at_start", "compact_transcript_start"];
