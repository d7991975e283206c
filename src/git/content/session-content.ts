import { join } from "node:path";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import type { SessionInput, StoredText } from "../checkpoint-store.ts";
import { contentHashOf } from "../format/hash.ts";
import type { ObjectBatch, ObjectReader } from "../plumbing/objects.ts";
import { manifestOf } from "./assets.ts";
import { CompactText, type CompactWritten } from "./compact/compact-text.ts";
import { type Redactor, redactPrompts } from "./redactor.ts";
import { SessionText, type TakenText } from "./session-text.ts";
import { type LinesFrom, storedLines } from "./stored-lines.ts";
import { filesWrittenBy } from "./touched-files.ts";
import { PartUsage, tokenUsageVersion } from "./usage.ts";
import { wholeText } from "./whole-text.ts";

/** Everything of a session that a checkpoint holds, redacted and as blobs; `keep` is called before the checkpoint is written. */
export async function sessionContent(params: SessionContentParams): Promise<SessionContent> {
  const { folder, redactor, objects, batch, partFrom = 0 } = params;
  const text = new SessionText({ folder, redactor });
  const taken = await text.take(params);
  // What is new is read back as it is stored.
  await batch.flush();
  const lines = storedLines(taken.chunks, objects);
  const part = await readPart(taken, { lines, partFrom: Math.min(partFrom, taken.lines) });
  const compact = await compactOf(taken, { ...params, lines });
  const transcript = params.form === "whole" ? await wholeText(taken, params) : taken.text;
  const stored = compact === undefined ? undefined : storedCompact(compact, batch);
  const assets = storedAssets(taken, batch);
  return {
    input: {
      prompts: redactPrompts(params.prompts, redactor),
      ...(transcript === undefined ? {} : { transcript }),
      ...(stored === undefined ? {} : { compact: stored }),
      ...(assets === undefined ? {} : { assets }),
    },
    metadata: { ...part.metadata, checkpoint_transcript_start: Math.min(partFrom, taken.lines) },
    root: "token_usage" in part.metadata ? { token_usage_version: tokenUsageVersion } : {},
    files: part.files,
    lines: taken.lines,
    compactLines: compact?.lines ?? 0,
    restarted: taken.restarted,
    omitted: taken.omitted,
    keep: async () => {
      await taken.keep();
      await compact?.keep();
    },
  };
}

export interface SessionContentParams {
  /** The session's own, `<common dir>/holdfast/content/<session id>`. */
  readonly folder: string;
  readonly redactor: Redactor;
  readonly objects: ObjectReader;
  readonly batch: ObjectBatch;
  /** The transcript's file, or what it holds. */
  readonly path?: string;
  readonly content?: Buffer;
  readonly final?: boolean;
  /** The first line of this checkpoint's part, `checkpoint_transcript_start`. */
  readonly partFrom?: number;
  readonly prompts: readonly string[];
  readonly cliVersion: string;
  /** `whole`: one file up to 50 MiB, for readers that do not reassemble. */
  readonly form?: "chunks" | "whole";
  /** False: no compact transcript. It is stored whole each time, as its format asks. */
  readonly compact?: boolean;
}

export interface SessionContent {
  readonly input: Pick<SessionInput, "prompts" | "transcript" | "compact" | "assets">;
  /** `model`, `token_usage` and `session_metrics` of the part, and where it begins. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What the root has to say of it. */
  readonly root: Readonly<Record<string, unknown>>;
  /** What the part's tool calls wrote, as they name it. */
  readonly files: readonly string[];
  /** Of the whole transcript: where the next part begins. */
  readonly lines: number;
  readonly compactLines: number;
  /** True: the transcript did not only grow, so that no earlier line number holds. */
  readonly restarted: boolean;
  readonly omitted: TakenText["omitted"];
  keep(): Promise<void>;
}

interface Part {
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly files: readonly string[];
}

// So many lines before the part are looked at: enough to find the last uuid, and what Codex had counted.
const linesBefore = 20;
const codexLinesBefore = 200;

async function readPart(
  { format }: TakenText,
  { lines, partFrom }: { readonly lines: LinesFrom; readonly partFrom: number },
): Promise<Part> {
  if (format === "document") return { metadata: new PartUsage().metadata(), files: [] };
  const usage = new PartUsage();
  const files = new Set<string>();
  let number = await firstLookedAt(lines, partFrom);
  const before: string[] = [];
  for await (const line of lines(number)) {
    if (number < partFrom) {
      usage.before(line);
      before.push(line);
    } else {
      usage.add(line);
      for (const file of filesWrittenBy(line)) files.add(file);
    }
    number += 1;
  }
  const lastUuid = lastUuidIn(before);
  const at = lastUuid === undefined ? {} : { transcript_identifier_at_start: lastUuid };
  return { metadata: { ...usage.metadata(), ...at }, files: [...files] };
}

async function firstLookedAt(lines: LinesFrom, partFrom: number): Promise<number> {
  for await (const line of lines(Math.max(0, partFrom - 1))) {
    const isCodex = fieldsOf(objectIn(line)?.["payload"]) !== undefined;
    return Math.max(0, partFrom - (isCodex ? codexLinesBefore : linesBefore));
  }
  return partFrom;
}

/** Only the last lines of many have to be parsed. */
function lastUuidIn(lines: readonly string[]): string | undefined {
  for (const line of lines.toReversed()) {
    const uuid = textOf(objectIn(line)?.["uuid"]);
    if (uuid !== undefined) return uuid;
  }
  return undefined;
}

async function compactOf(
  taken: TakenText,
  params: SessionContentParams & { readonly lines: LinesFrom },
): Promise<CompactWritten | undefined> {
  const { folder, redactor, lines, cliVersion, compact = true } = params;
  if (!compact || taken.format === "document") return undefined;
  const text = new CompactText({ folder: join(folder, "compact"), cliVersion });
  const key = `${redactor.fingerprint} ${taken.generation}`;
  return text.write({ lines, key, isOpen: taken.isOpen });
}

function storedCompact({ content }: CompactWritten, batch: ObjectBatch): StoredText {
  return { chunks: [{ id: batch.blob(content), bytes: content.length }], hash: contentHashOf([content]) };
}

function storedAssets({ assets }: TakenText, batch: ObjectBatch): SessionInput["assets"] {
  if (assets.length === 0) return undefined;
  const manifest = batch.blob(Buffer.from(manifestOf(assets)));
  return { manifest, files: assets.map(({ name, id }) => ({ name, id })) };
}
