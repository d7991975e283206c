import { type Fields, fieldsOf, objectIn, textOf } from "../../core/json.ts";
import { noTokens, type Tokens, usageKey } from "../../core/usage.ts";

/** The root's `token_usage_version`: every session's tokens are a delta (section 3.1). */
export const tokenUsageVersion = 2;

/** What a part of a transcript used: a checkpoint's `token_usage`, `session_metrics` and `model`. */
export class PartUsage {
  readonly #responses = new Map<string, Tokens & { readonly thinking: number }>();
  readonly #codex = new CodexTotals();
  #nameless = 0;
  #model = "";
  #contextTokens = 0;
  #contextWindow = 0;
  #firstMs = Infinity;
  #lastMs = -Infinity;
  #prompts = 0;

  /** Takes one line of the part. */
  add(line: string): void {
    const fields = objectIn(line);
    if (fields === undefined) return;
    this.#time(fields["timestamp"]);
    const payload = fieldsOf(fields["payload"]);
    if (payload !== undefined) this.#codexLine(fields["type"], payload);
    else this.#messageLine(fields);
  }

  /** Takes a line before the part: of Codex' sums, which only grow, the part's own are the difference. */
  before(line: string): void {
    if (!line.includes('"token_count"') && !line.includes('"turn_context"')) return;
    const fields = objectIn(line);
    const payload = fieldsOf(fields?.["payload"]);
    if (payload?.["type"] === "token_count") this.#codex.before(payload);
    if (fields?.["type"] === "turn_context") this.#model = textOf(payload?.["model"]) ?? this.#model;
  }

  /** The keys of a session's `metadata.json`: nothing is in it that the part does not tell. */
  metadata(): Readonly<Record<string, unknown>> {
    const tokens = this.#tokens();
    const duration = this.#lastMs - this.#firstMs;
    const metrics = {
      ...(duration > 0 ? { duration_ms: duration } : {}),
      ...(this.#prompts > 0 ? { turn_count: this.#prompts } : {}),
      ...(this.#contextTokens > 0 ? { context_tokens: this.#contextTokens } : {}),
      ...(this.#contextWindow > 0 ? { context_window_size: this.#contextWindow } : {}),
    };
    return {
      model: this.#model,
      ...(tokens === undefined ? {} : { token_usage: tokens }),
      ...(Object.keys(metrics).length > 0 ? { session_metrics: metrics } : {}),
    };
  }

  #tokens(): Readonly<Record<string, number>> | undefined {
    const all = [...this.#responses.values(), ...this.#codex.delta()];
    if (all.length === 0) return undefined;
    const sum = (count: (one: (typeof all)[number]) => number): number =>
      all.reduce((total, one) => total + count(one), 0);
    const [thinking, written1h] = [sum((one) => one.thinking), sum((one) => one.cacheWrite1h)];
    return {
      input_tokens: sum((one) => one.input),
      cache_creation_tokens: sum((one) => one.cacheWrite5m + one.cacheWrite1h),
      cache_read_tokens: sum((one) => one.cacheRead),
      output_tokens: sum((one) => one.output),
      api_call_count: this.#responses.size + this.#codex.calls,
      ...(thinking > 0 ? { thinking_tokens: thinking } : {}),
      ...(written1h > 0 ? { cache_creation_1h_tokens: written1h } : {}),
    };
  }

  #time(timestamp: unknown): void {
    const atMs = Date.parse(textOf(timestamp) ?? "");
    if (Number.isNaN(atMs)) return;
    this.#firstMs = Math.min(this.#firstMs, atMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
  }

  /** Claude Code and Cursor. */
  #messageLine(fields: Fields): void {
    const message = fieldsOf(fields["message"]);
    if (isPrompt(fields, message)) this.#prompts += 1;
    const usage = fieldsOf(message?.["usage"]);
    if (message === undefined || usage === undefined || message["model"] === "<synthetic>") return;
    const tokens = tokensOf(usage);
    if (tokens.input + tokens.output + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h === 0)
      return;
    this.#model = textOf(message["model"]) ?? this.#model;
    const [messageId, requestId] = [textOf(message["id"]), textOf(fields["requestId"])];
    const key = usageKey({ messageId, requestId, lineage: "", contentHash: `${(this.#nameless += 1)}` });
    const known = this.#responses.get(key);
    // A response is told once a content block, and often only the last one tells all that it used.
    if (known === undefined || tokens.output >= known.output) this.#responses.set(key, tokens);
    if (fields["isSidechain"] !== true)
      this.#contextTokens = tokens.input + tokens.cacheRead + tokens.cacheWrite5m + tokens.cacheWrite1h;
  }

  #codexLine(type: unknown, payload: Fields): void {
    if (type === "turn_context") {
      this.#model = textOf(payload["model"]) ?? this.#model;
      return;
    }
    if (payload["type"] === "user_message") this.#prompts += 1;
    if (payload["type"] !== "token_count") return;
    this.#codex.add(payload);
    const info = fieldsOf(payload["info"]);
    this.#contextTokens =
      countOf(fieldsOf(info?.["last_token_usage"])?.["input_tokens"]) || this.#contextTokens;
    this.#contextWindow = countOf(info?.["model_context_window"]) || this.#contextWindow;
  }
}

/** Codex tells sums of the whole session, and tells the same ones again. */
class CodexTotals {
  #start: CodexTokens | undefined;
  #last: CodexTokens | undefined;
  calls = 0;

  before(payload: Fields): void {
    const { total } = countsIn(payload);
    [this.#start, this.#last] = [total ?? this.#start, total ?? this.#last];
  }

  add(payload: Fields): void {
    const { total, last } = countsIn(payload);
    if (total === undefined) return;
    // Where nothing before the part was told, the first response's own count tells what the sum was before it.
    this.#start ??= minus(total, last ?? total);
    this.#last ??= this.#start;
    // A session that was resumed may count from nothing again.
    if (total.all < this.#last.all) this.#start = minus(this.#start, this.#last);
    if (total.all !== this.#last.all) this.calls += 1;
    this.#last = total;
  }

  delta(): readonly CodexTokens[] {
    const [start, last] = [this.#start, this.#last];
    return this.calls === 0 || start === undefined || last === undefined
      ? []
      : [atLeastNothing(minus(last, start))];
  }
}

type CodexTokens = Tokens & { readonly thinking: number; readonly all: number };

interface CodexCounts {
  readonly total: CodexTokens | undefined;
  /** Of the last response alone. */
  readonly last: CodexTokens | undefined;
}

function countsIn(payload: Fields): CodexCounts {
  const info = fieldsOf(payload["info"]);
  return { total: codexTokens(info?.["total_token_usage"]), last: codexTokens(info?.["last_token_usage"]) };
}

/** Its input counts what came from the cache. */
function codexTokens(told: unknown): CodexTokens | undefined {
  const counts = fieldsOf(told);
  if (counts === undefined) return undefined;
  const [input, cacheRead] = [countOf(counts["input_tokens"]), countOf(counts["cached_input_tokens"])];
  const output = countOf(counts["output_tokens"]);
  const thinking = countOf(counts["reasoning_output_tokens"]);
  return {
    ...noTokens,
    input: Math.max(0, input - cacheRead),
    cacheRead,
    output,
    thinking,
    all: input + output,
  };
}

function atLeastNothing({ input, cacheRead, output, thinking, all }: CodexTokens): CodexTokens {
  const [one, two, three] = [input, cacheRead, output].map((count) => Math.max(0, count));
  return { ...noTokens, input: one!, cacheRead: two!, output: three!, thinking: Math.max(0, thinking), all };
}

function minus(a: CodexTokens, b: CodexTokens): CodexTokens {
  return {
    ...noTokens,
    input: a.input - b.input,
    cacheRead: a.cacheRead - b.cacheRead,
    output: a.output - b.output,
    thinking: a.thinking - b.thinking,
    all: a.all - b.all,
  };
}

function tokensOf(usage: Fields): Tokens & { readonly thinking: number } {
  const written = fieldsOf(usage["cache_creation"]);
  const cacheWrite1h = countOf(written?.["ephemeral_1h_input_tokens"]);
  const rest = Math.max(0, countOf(usage["cache_creation_input_tokens"]) - cacheWrite1h);
  return {
    input: countOf(usage["input_tokens"]),
    output: countOf(usage["output_tokens"]),
    cacheRead: countOf(usage["cache_read_input_tokens"]),
    cacheWrite5m: Math.max(rest, countOf(written?.["ephemeral_5m_input_tokens"])),
    cacheWrite1h,
    thinking: countOf(fieldsOf(usage["output_tokens_details"])?.["thinking_tokens"]),
  };
}

// No response comes near it; sums of greater numbers would not stay exact.
const maxTokens = 1e12;

function countOf(value: unknown): number {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= maxTokens
    ? (value as number)
    : 0;
}

/** A line that a person wrote: results of tools come as the user's too. */
function isPrompt(fields: Fields, message: Fields | undefined): boolean {
  const isUser = fields["type"] === "user" || fields["role"] === "user";
  if (!isUser || fields["isMeta"] === true || fields["isSidechain"] === true || message === undefined)
    return false;
  const { content } = message;
  if (typeof content === "string") return content.trim() !== "" && !content.startsWith("<local-command");
  return Array.isArray(content) && content.some((block) => fieldsOf(block)?.["type"] === "text");
}
