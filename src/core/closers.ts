import { derivedUuid } from "./derived-uuid.ts";
import type { Entry, EntryInput } from "./entry.ts";
import type { RunEvent } from "./event.ts";
import { textOf } from "./json.ts";
import { stepIn, type StepJournal, type StepOutcome } from "./steps.ts";
import { openCalls, readTranscript, type Said } from "./transcript.ts";

/** What is known of a tool call without a result in the transcript: only what the journal proves. */
export type ToolFact = "not_started" | "outcome_unknown" | StepOutcome;

export interface CloserFacts {
  readonly run: string;
  /** By the call's id; of a call that is not here the outcome is unknown. */
  readonly tools: ReadonlyMap<string, ToolFact>;
}

/**
 * The entries that leave an interrupted transcript valid for its provider: a result for each open tool call, and the
 * assistant's word where the user would speak twice. The same bytes in every process; none for an unknown provider.
 */
export function closersFor(
  provider: string,
  entries: readonly Pick<Entry, "atMs" | "body">[],
  facts: CloserFacts,
): readonly EntryInput[] {
  const transcript = readTranscript(
    provider,
    entries.map(({ body }) => body),
  );
  const [last, lastSaid] = [entries.at(-1), transcript.said.at(-1)];
  if (last === undefined || lastSaid === undefined) return [];
  const closing = new Closing({ run: facts.run, last, template: lastSaid, leaf: transcript.leaf });
  for (const call of openCalls(transcript)) {
    const caller = transcript.said.findIndex(({ toolCalls }) => toolCalls.includes(call));
    closing.toolResult({
      call,
      parent: transcript.said[caller]?.uuid,
      isNewest: isNewestAnswer(transcript.said.slice(caller)),
      fact: facts.tools.get(call) ?? "outcome_unknown",
    });
  }
  if (closing.entries.length > 0 || lastSaid.role === "user") closing.lastWord();
  return closing.entries;
}

/**
 * What the journal tells of a run's tool calls: a call is known not to have started only if it has a step. An agent may
 * know a tool by another name than the model does, so where no step has both, the one that has the key is the call's.
 */
export function toolFacts(events: readonly RunEvent[], journal: StepJournal): ReadonlyMap<string, ToolFact> {
  const facts = new Map<string, ToolFact>();
  const byKey = new Map([...journal.steps.values()].map((step) => [step.key, step]));
  for (const event of events) {
    if (event.type !== "tool_call" || event.replayed === true || event.step === undefined) continue;
    const step = stepIn(journal, { name: event.name, key: event.step }) ?? byKey.get(event.step);
    if (step === undefined) facts.set(event.call, journal.damaged === 0 ? "not_started" : "outcome_unknown");
    else facts.set(event.call, step.outcome ?? "outcome_unknown");
  }
  return facts;
}

// Whether nothing but its own parts and tools' results came after an answer.
function isNewestAnswer([caller, ...later]: readonly Said[]): boolean {
  return later.every(({ role, answer, toolResults }) =>
    role === "user" ? toolResults.length > 0 : answer !== undefined && answer === caller?.answer,
  );
}

interface ClosingParams {
  readonly run: string;
  readonly last: Pick<Entry, "atMs" | "body">;
  readonly template: Said;
  readonly leaf: string | undefined;
}

interface ToolResultParams {
  readonly call: string;
  readonly parent: string | undefined;
  readonly isNewest: boolean;
  readonly fact: ToolFact;
}

class Closing {
  readonly entries: EntryInput[] = [];
  readonly #run: string;
  readonly #atMs: number;
  readonly #kept: Readonly<Record<string, string>>;
  readonly #timestamp: string;
  #leaf: string | undefined;

  constructor({ run, last, template, leaf }: ClosingParams) {
    this.#run = run;
    this.#atMs = last.atMs;
    this.#timestamp =
      textOf(template.fields["timestamp"]) ?? new Date(Math.min(last.atMs, latestMs)).toISOString();
    this.#kept = keptOf(template);
    this.#leaf = leaf;
  }

  // Results hang on their own calls, as the SDK's do. What was said since the call must not fall off the way back
  // from the last word: then that goes on from there instead.
  toolResult({ call, parent, isNewest, fact }: ToolResultParams): void {
    const block = { type: "tool_result", tool_use_id: call, ...contentOf(fact) };
    const message = { role: "user", content: [block] };
    const uuid = this.#add({ parent, type: "user", message, closer: closerOf(fact) });
    if (isNewest) this.#leaf = uuid;
  }

  lastWord(): void {
    const content = [{ type: "text", text: lastWord }];
    const id = derivedUuid("message", this.#run, this.#leaf ?? "");
    const message = { id, type: "message", role: "assistant", model: "<synthetic>", content, ...ended };
    this.#add({ parent: this.#leaf, type: "assistant", message, closer: "interrupted" });
  }

  #add(params: {
    readonly parent: string | undefined;
    readonly type: "user" | "assistant";
    readonly message: object;
    readonly closer: string;
  }): string {
    const { parent, type, message, closer } = params;
    const uuid = derivedUuid("closer", this.#run, `${this.entries.length}`, parent ?? "");
    const body = JSON.stringify({
      parentUuid: parent ?? null,
      isSidechain: false,
      type,
      message,
      uuid,
      timestamp: this.#timestamp,
      ...this.#kept,
      holdfast: { closer, run: this.#run },
    });
    this.entries.push({ body, uuid, atMs: this.#atMs });
    return uuid;
  }
}

const lastWord = "The run was interrupted here, before it was finished.";

/** The last ms that a date can tell. */
const latestMs = 8_640_000_000_000_000;

// As the SDK closes an answer that it writes itself; the model's name keeps it out of the usage.
const ended = {
  stop_reason: "stop_sequence",
  stop_sequence: "",
  usage: {
    input_tokens: 0,
    output_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  },
};

function keptOf({ fields }: Said): Readonly<Record<string, string>> {
  const names = ["userType", "entrypoint", "cwd", "sessionId", "version", "gitBranch"];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = textOf(fields[name]);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function closerOf(fact: ToolFact): string {
  if (fact === "not_started") return "tool_not_started";
  return fact === "outcome_unknown" ? "tool_outcome_unknown" : "tool_result";
}

function contentOf(fact: ToolFact): { readonly content: string; readonly is_error: boolean } {
  if (fact === "not_started")
    return {
      content: "tool_not_started: the run was interrupted before this tool was started.",
      is_error: true,
    };
  if (fact === "outcome_unknown") {
    const content =
      "tool_outcome_unknown: the run was interrupted, and whether this tool took effect is not known.";
    return { content, is_error: true };
  }
  if (!fact.ok) return { content: fact.message, is_error: true };
  const content = textOf(fact.value) ?? JSON.stringify(fact.value) ?? "";
  return { content, is_error: false };
}
