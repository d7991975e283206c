import type { SessionKey } from "../../core/ids.ts";
import type { Store } from "../../core/store.ts";
import { usageKey, type UsageRow } from "../../core/usage.ts";
import { isDamage } from "../damage.ts";
import type { ObjectReader } from "../plumbing/objects.ts";
import { tokenFacts, totalOf } from "../reading/token-facts.ts";
import type { CheckpointSession, SessionPart } from "./checkpoint-sessions.ts";
import type { SessionResult } from "./session-result.ts";
import { nameOf, type SessionTranscript } from "./session-transcripts.ts";
import { entriesOf, type KeyedEntry, piecesOf } from "./transcript-text.ts";

/** Brings in a session of an agent other than Claude Code: the lines of its transcripts, and what they used. */
export async function importOtherAgent(params: {
  readonly store: Store;
  readonly objects: ObjectReader;
  readonly key: SessionKey;
  readonly session: CheckpointSession;
  readonly provider: string;
}): Promise<SessionResult> {
  const { store, objects, key, session } = params;
  const problems: string[] = [];
  const counts = { entries: 0, duplicates: 0 };
  const title = await titleOf(objects, session);
  for (const log of new Set(session.transcripts.map((transcript) => transcript.log))) {
    const entries = await entriesOfLog(objects, { session, log, problems });
    for (let at = 0; at < entries.length; at += maxEntries) {
      const { appended, duplicates } = await store.append({
        log: { ...key, log },
        entries: entries.slice(at, at + maxEntries).map(({ entry }) => entry),
        provider: params.provider,
        fold: (state) => ({ summary: null, title: state.title ?? title }),
      });
      counts.entries += appended;
      counts.duplicates += duplicates;
    }
  }
  // Claude Code's responses tell what they used; of others only the checkpoint does.
  const rows = usageRows(session);
  if (rows.length > 0 && counts.entries + counts.duplicates > 0)
    await store.recordUsage({ session: key, rows });
  return { ...counts, problems };
}

const maxPromptBytes = 1024 * 1024;
const maxTitleLength = 200;
const maxEntries = 1000;
const maxBytes = 400 * 1024 * 1024;

async function titleOf(objects: ObjectReader, { prompt }: CheckpointSession): Promise<string | null> {
  const bytes =
    prompt === undefined ? null : await objects.blob(prompt, { maxBytes: maxPromptBytes }).catch(() => null);
  const title = bytes?.toString().split("\n", 1)[0]?.trim().slice(0, maxTitleLength) ?? "";
  return title === "" ? null : title;
}

/** What the transcripts of a log together have, each entry in the place where it was first and as it was last. */
async function entriesOfLog(
  objects: ObjectReader,
  { session, log, problems }: { session: CheckpointSession; log: string; problems: string[] },
): Promise<readonly KeyedEntry[]> {
  const entries = new Map<string, KeyedEntry>();
  for (const transcript of session.transcripts.filter((one) => one.log === log)) {
    const tell = (what: string): void =>
      void problems.push(`${transcript.checkpoint}: ${nameOf(session.sessionId, transcript)}: ${what}`);
    try {
      const text = await textOf(objects, transcript);
      if (text === undefined) {
        tell(`its transcript has ${transcript.bytes} bytes, and at most ${maxBytes} are read.`);
        continue;
      }
      const { sessionId } = session;
      const found = entriesOf(text, { sessionId, atMs: transcript.atMs });
      for (const one of found.entries) entries.set(one.key, one);
      if (found.bad > 0) tell(`${found.bad} lines are no JSON objects and were left out.`);
    } catch (error) {
      if (!isDamage(error)) throw error;
      tell(error.message);
    }
  }
  return [...entries.values()];
}

async function textOf(
  objects: ObjectReader,
  { chunks, bytes }: SessionTranscript,
): Promise<string | undefined> {
  if (bytes > maxBytes) return undefined;
  const pieces: Buffer[] = [];
  for await (const piece of piecesOf(objects, chunks)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

/**
 * A checkpoint of version 2 tells what was used since the one before it. Older ones may tell the sum up to then, and of
 * those only the latest counts (section 3.1), under one key: the greatest that was ever seen stays.
 */
function usageRows({ sessionId, parts }: CheckpointSession): readonly UsageRow[] {
  const isPart = ({ usageVersion = 0 }: SessionPart): boolean => usageVersion >= 2;
  const sums = parts.filter((part) => !isPart(part) && part.usage !== undefined);
  const latest = sums.toSorted((a, b) => a.atMs - b.atMs).at(-1);
  return [
    ...parts.filter(isPart).flatMap((part) => usageRow(sessionId, part, `checkpoint ${part.checkpoint}`)),
    ...(latest === undefined ? [] : usageRow(sessionId, latest, "checkpoints")),
  ];
}

function usageRow(
  sessionId: string,
  { atMs, model, usage }: SessionPart,
  contentHash: string,
): readonly UsageRow[] {
  const used = tokenFacts(usage);
  if (used === null || totalOf(used) === 0) return [];
  const key = usageKey({ lineage: sessionId, contentHash });
  const name = model === "" ? "unknown" : model.slice(0, 200);
  return [{ key, model: name, atMs, tokens: used.tokens, microDollars: null }];
}
