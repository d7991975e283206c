import { firstAgentChunks } from "../format/agent-files.ts";
import type { StoredCheckpoint, StoredSession } from "../checkpoint-store.ts";
import type { ObjectId, ObjectReader } from "../plumbing/objects.ts";
import { currentSessions, nameIn } from "./checkpoint-facts.ts";
import { type Match, matches, matchOf, type SoughtLine } from "./line-match.ts";
import { type Step, stepsOf } from "./steps.ts";
import { transcriptLines } from "./transcript-lines.ts";
import { writtenTexts } from "./written-text.ts";

/** The turn of a session that wrote a line. */
export interface FoundTurn {
  readonly session: string | null;
  readonly agent: string | null;
  readonly model: string | null;
  readonly slot: number;
  /** The prompt that the turn answers; null where none stands before it. */
  readonly prompt: string | null;
  readonly promptAtMs: number | null;
  readonly tool: string;
  readonly atMs: number | null;
  /** The call of the subagent that wrote it; null where the agent did itself. */
  readonly task: string | null;
  readonly match: Match;
  /** The call is dated after the commit: the clocks differ, or a person wrote the line before. */
  readonly isLate: boolean;
}

/** Looks in all sessions of a checkpoint for the last call before a time that wrote a line; a better match wins over a later one. */
export async function findTurn({
  objects,
  checkpoint,
  sought,
  untilMs,
}: {
  readonly objects: ObjectReader;
  readonly checkpoint: StoredCheckpoint;
  readonly sought: SoughtLine;
  readonly untilMs: number;
}): Promise<FoundTurn | null> {
  const found: FoundTurn[] = [];
  const tasks = await searchTasks({ objects, checkpoint, sought, untilMs });
  for (const session of currentSessions(checkpoint)) {
    const search = new TurnSearch({ sought, untilMs, tasks });
    await readInto(search, objects, session.transcript.length > 0 ? session.transcript : compactOf(session));
    const turn = search.best;
    if (turn !== undefined) found.push({ ...turn, ...namesOf(session) });
  }
  return found.reduce<FoundTurn | null>((best, turn) => (isBetterTurn(turn, best) ? turn : best), null);
}

/** Whether a turn explains a line better than another, or as well and later. */
export function isBetterTurn(turn: Rated, other: Rated | null): boolean {
  if (other === null) return true;
  const order = rankOf(turn) - rankOf(other);
  return order === 0 ? (turn.atMs ?? 0) >= (other.atMs ?? 0) : order < 0;
}

type Rated = Pick<FoundTurn, "match" | "atMs" | "isLate">;

function rankOf({ match, isLate }: Pick<Rated, "match" | "isLate">): number {
  return matches.indexOf(match) + (isLate ? matches.length : 0);
}

/** A call that wrote the line, before its turn and session are known. */
interface WritingCall extends Pick<FoundTurn, "tool" | "atMs" | "match" | "isLate"> {
  readonly id: string | null;
}

type Turn = Omit<FoundTurn, "session" | "agent" | "model" | "slot">;

interface SearchParams {
  readonly sought: SoughtLine;
  readonly untilMs: number;
  /** What subagents wrote, by the call that started them. */
  readonly tasks: ReadonlyMap<string, WritingCall>;
}

// A commit has whole seconds, and clocks of machines differ.
const clockSlackMs = 2000;

/** Takes the steps of one transcript and keeps the calls that wrote the line. */
class TurnSearch {
  readonly #params: SearchParams;
  #prompt: Extract<Step, { kind: "prompt" }> | undefined;
  #found: { readonly turn: Turn; readonly id: string | null }[] = [];

  constructor(params: SearchParams) {
    this.#params = params;
  }

  add(step: Step): void {
    if (step.kind === "prompt") this.#prompt = step;
    // What failed wrote nothing.
    else if (step.kind === "result" && step.failed)
      this.#found = this.#found.filter(({ id }) => id !== step.call);
    else if (step.kind === "call") this.#addCall(step);
  }

  /** In one transcript, of calls that explain the line as well, the last. */
  get best(): Turn | undefined {
    let best: Turn | undefined;
    for (const { turn } of this.#found) if (best === undefined || rankOf(turn) <= rankOf(best)) best = turn;
    return best;
  }

  #addCall(step: Extract<Step, { kind: "call" }>): void {
    const { sought, untilMs, tasks } = this.#params;
    const task = step.id === null ? undefined : tasks.get(step.id);
    if (task !== undefined) this.#keep(task, step.id);
    const match = bestMatch(step, sought);
    const isLate = step.atMs !== null && step.atMs > untilMs + clockSlackMs;
    if (match !== undefined)
      this.#keep({ tool: step.name, atMs: step.atMs, match, isLate, id: step.id }, null);
  }

  #keep({ tool, atMs, match, isLate, id }: WritingCall, task: string | null): void {
    const { text = null, atMs: promptAtMs = null } = this.#prompt ?? {};
    this.#found.push({ turn: { prompt: text, promptAtMs, tool, atMs, task, match, isLate }, id });
  }
}

function bestMatch({ name, input }: Extract<Step, { kind: "call" }>, sought: SoughtLine): Match | undefined {
  const found = writtenTexts(name, input).flatMap((text) => matchOf(text, sought) ?? []);
  return matches.find((match) => found.includes(match));
}

async function searchTasks({
  objects,
  checkpoint,
  sought,
  untilMs,
}: Parameters<typeof findTurn>[0]): Promise<ReadonlyMap<string, WritingCall>> {
  const found = new Map<string, WritingCall>();
  for (const task of checkpoint.tasks) {
    const search = new TurnSearch({ sought, untilMs, tasks: new Map() });
    const chunks = firstAgentChunks(task.transcripts);
    await readInto(search, objects, chunks);
    const { best } = search;
    if (best !== undefined) found.set(task.toolUseId, { ...best, id: null });
  }
  return found;
}

async function readInto(
  search: TurnSearch,
  objects: ObjectReader,
  chunks: readonly ObjectId[],
): Promise<void> {
  for await (const lines of transcriptLines(objects, chunks))
    for (const line of lines) for (const step of stepsOf(line)) search.add(step);
}

function compactOf({ compact }: StoredSession): readonly ObjectId[] {
  return compact === undefined ? [] : [compact];
}

function namesOf({ slot, metadata }: StoredSession): Pick<FoundTurn, "session" | "agent" | "model" | "slot"> {
  return {
    session: nameIn(metadata, "session_id"),
    agent: nameIn(metadata, "agent"),
    model: nameIn(metadata, "model"),
    slot,
  };
}
