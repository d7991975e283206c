import { join } from "node:path";
import type { SessionInput, StoredText } from "../checkpoint-store.ts";
import { manifestOf } from "../content/assets.ts";
import { CompactText } from "../content/compact/compact-text.ts";
import { SessionText, type TakenText } from "../content/session-text.ts";
import { type LinesFrom, storedLines } from "../content/stored-lines.ts";
import { wholeText } from "../content/whole-text.ts";
import { contentHashOf } from "../format/hash.ts";
import { compactLinesBefore } from "./compact-position.ts";
import type { FlowContext } from "./flow-context.ts";
import { flowPaths } from "./flow-paths.ts";
import { type PartBegin, type PartFacts, readPart } from "./part-facts.ts";
import type { SessionState } from "./session-state.ts";
import { heldLines } from "./transcript-position.ts";

/** A session's transcript as blobs, and what its part for one checkpoint says. */
export interface SessionPart extends PartFacts {
  readonly input: Required<Pick<SessionInput, "transcript">> & Pick<SessionInput, "compact" | "assets">;
  /** Lines before this checkpoint's part. */
  readonly start: number;
  /** The line from which tokens are counted: earlier checkpoints count those before it. */
  readonly tokenStart: number;
  /** Lines of the compact transcript before the part; undefined where there is none. */
  readonly compactStart: number | undefined;
  /** The same for the next checkpoint's part. */
  readonly nextCompactStart: number;
  /** Remembers what was taken; the blobs are durable before. */
  keep(): Promise<void>;
}

export interface PartParams {
  readonly state: SessionState;
  /** What was written later belongs to a later part. */
  readonly untilMs: number;
  /** Where a checkpoint that is there already begins; default where the session goes on. */
  readonly begin?: PartBegin;
  /** Files of which it is asked what the session wrote into them. */
  readonly asked?: ReadonlySet<string>;
}

/**
 * Takes a session's transcript: redacted before any object, each line once; undefined where there is none.
 * @throws git_content_invalid
 */
export async function takePart(context: FlowContext, params: PartParams): Promise<SessionPart | undefined> {
  const { repository, redactor } = context;
  const { state } = params;
  if (state.transcriptPath === undefined) return undefined;
  const folder = contentFolder(context, state.sessionId);
  const { objects } = repository;
  const batch = repository.batch();
  const isFinal = state.phase === "ended";
  const text = await new SessionText({ folder, redactor }).take({
    path: state.transcriptPath,
    final: isFinal,
    objects,
    batch,
  });
  if (text.text === undefined) return undefined;
  await batch.flush();
  const lines = storedLines(text.chunks, objects);
  const begin = params.begin ?? (await nextBegin(state, lines, text.lines));
  const facts = await readPart({ ...params, lines, begin });
  const compact = await takeCompact(context, { folder, text, lines });
  const transcript = context.isWhole ? await inOnePiece(context, text) : text.text;
  const assets = assetsOf(context, text);
  return {
    ...facts,
    ...begin,
    input: { transcript, ...(compact === undefined ? {} : { compact: compact.stored }), ...(await assets) },
    compactStart: compact === undefined ? undefined : (begin.compactStart ?? 0),
    nextCompactStart: await nextCompactStart(context, { state, text, facts, compact, lines }),
    keep: async () => {
      await text.keep();
      await compact?.keep();
    },
  };
}

/** Where what is kept of a session's transcript lies. */
export function contentFolder({ repository }: FlowContext, sessionId: string): string {
  return join(flowPaths(repository.commonDir).content, sessionId);
}

async function nextBegin(state: SessionState, lines: LinesFrom, total: number): Promise<PartBegin> {
  const { progress } = state;
  const held = await heldLines({ progress, lines, total });
  // What was left out of an earlier commit was done before it (specification §11).
  const isCarried = state.checkpointTranscriptStart === 0;
  return {
    start: isCarried ? 0 : held,
    tokenStart: held,
    compactStart: isCarried || held !== progress?.lines ? 0 : progress.compactLines,
  };
}

interface TakenCompact {
  readonly stored: StoredText;
  readonly lines: number;
  keep(): Promise<void>;
}

async function takeCompact(
  { repository, redactor, cliVersion, log }: FlowContext,
  { folder, text, lines }: { readonly folder: string; readonly text: TakenText; readonly lines: LinesFrom },
): Promise<TakenCompact | undefined> {
  if (text.format === "document") return undefined;
  try {
    const written = await new CompactText({ folder: join(folder, "compact"), cliVersion }).write({
      lines,
      key: `${redactor.fingerprint} ${text.generation}`,
      isOpen: text.isOpen,
    });
    if (written === undefined) return undefined;
    const { content } = written;
    const batch = repository.batch();
    const chunks = [{ id: batch.blob(content), bytes: content.length }];
    await batch.flush();
    return {
      stored: { chunks, hash: contentHashOf([content]) },
      lines: written.lines,
      keep: () => written.keep(),
    };
  } catch (error) {
    // A checkpoint without it is whole (specification §14).
    log("compact transcript", error);
    return undefined;
  }
}

async function inOnePiece({ repository }: FlowContext, text: TakenText): Promise<StoredText> {
  const batch = repository.batch();
  const whole = await wholeText(text, { objects: repository.objects, batch });
  await batch.flush();
  return whole!;
}

async function assetsOf(
  { repository }: FlowContext,
  { assets }: TakenText,
): Promise<Pick<SessionInput, "assets">> {
  if (assets.length === 0) return {};
  const batch = repository.batch();
  const manifest = batch.blob(Buffer.from(manifestOf(assets)));
  await batch.flush();
  return { assets: { manifest, files: assets.map(({ name, id }) => ({ name, id })) } };
}

async function nextCompactStart(
  { cliVersion }: FlowContext,
  params: {
    readonly state: SessionState;
    readonly text: TakenText;
    readonly facts: PartFacts;
    readonly compact: TakenCompact | undefined;
    readonly lines: LinesFrom;
  },
): Promise<number> {
  const { state, text, facts, compact, lines } = params;
  if (compact === undefined) return 0;
  if (facts.end < text.lines) return await compactLinesBefore(lines, { end: facts.end, cliVersion });
  // The last message of a turn that goes on may get more blocks: a part may repeat one line at its head (specification §9).
  return Math.max(0, compact.lines - (state.phase === "active" ? 1 : 0));
}
