import fc from "fast-check";
import { expect } from "vitest";
import type { EntryInput } from "../../src/core/entry.ts";
import type { SessionKey } from "../../src/core/ids.ts";
import type { Store } from "../../src/core/store.ts";
import { noTokens, type Tokens } from "../../src/core/usage.ts";
import { ProjectionRunner } from "../../src/runtime/projection-runner.ts";
import { sessionStatistics, statisticsName } from "../../src/runtime/session-statistics.ts";
import type { SessionStatistics } from "../../src/runtime/tally.ts";
import { logKey, sessionKey } from "../../src/testing/store-suite/samples.ts";
import { commitOf, endOf, leaseMs, stage } from "../../src/testing/store-suite/work-samples.ts";
import { claudeReader } from "./claude-reader.ts";

const readers = [claudeReader, { provider: "scripted" }];

// What an entry is to add is told beside it by the generator, not by the code under test.
interface Made {
  readonly fields: object;
  readonly adds: Partial<Adds>;
}

interface Adds {
  readonly turns: number;
  readonly toolCalls: number;
  readonly file: string;
  readonly response: string;
  readonly tokens: Tokens;
}

export const made = {
  prompt: (text: string): Made => ({
    fields: { type: "user", message: { role: "user", content: text } },
    adds: { turns: 1 },
  }),
  write: (path: string): Made => ({
    fields: assistant([{ type: "tool_use", id: "t", name: "Write", input: { file_path: path } }]),
    adds: { toolCalls: 1, file: path },
  }),
  read: (path: string): Made => ({
    fields: assistant([{ type: "tool_use", id: "t", name: "Read", input: { file_path: path } }]),
    adds: { toolCalls: 1 },
  }),
  result: (): Made => ({
    fields: { type: "user", message: { content: [{ type: "tool_result", tool_use_id: "t", content: "x" }] } },
    adds: {},
  }),
  response: (id: string, n: number): Made => ({
    fields: { ...assistant([{ type: "text", text: "x" }], id, n), requestId: id },
    adds: { response: id, tokens: tokensOf(n) },
  }),
  // The events, which count where there is no transcript, or none that tells usage.
  asked: (): Made => ({ fields: { type: "user", text: "x" }, adds: { turns: 1 } }),
  called: (path: string): Made => ({
    fields: { type: "tool_call", call: "t", name: "Edit", input: { file_path: path } },
    adds: { toolCalls: 1, file: path },
  }),
  used: (key: string, n: number): Made => ({
    fields: { type: "usage", key, model: "m", tokens: tokensOf(n) },
    adds: { response: key, tokens: tokensOf(n) },
  }),
  replayed: ({ fields }: Made): Made => ({ fields: { ...fields, replayed: true }, adds: {} }),
};

function assistant(content: object[], id?: string, n = 0): object {
  const usage = {
    input_tokens: n,
    output_tokens: 2 * n,
    cache_read_input_tokens: 3 * n,
    cache_creation_input_tokens: 9 * n,
    cache_creation: { ephemeral_5m_input_tokens: 4 * n, ephemeral_1h_input_tokens: 5 * n },
  };
  return { type: "assistant", message: { id, model: "m", content, ...(id !== undefined && { usage }) } };
}

export function tokensOf(n: number): Tokens {
  return { input: n, output: 2 * n, cacheRead: 3 * n, cacheWrite5m: 4 * n, cacheWrite1h: 5 * n };
}

function pathOf(number: number): string {
  return `/src/${number}.ts`;
}

const providers: Readonly<Record<string, string>> = {
  "s-1": "claude-code",
  "s-2": "scripted",
  "s-3": "codex",
};
export const sessions = Object.keys(providers);
export const none: SessionStatistics = {
  turns: 0,
  toolCalls: 0,
  filesTouched: { paths: [], total: 0 },
  tokens: noTokens,
  entries: 0,
  firstAtMs: null,
  lastAtMs: null,
};

export function plainEntry({ fields, adds }: Made): EntryInput {
  return { body: JSON.stringify({ ...fields, adds }) };
}

export function append(store: Store, session: string, entries: readonly Made[], log = "") {
  const provider = providers[session]!;
  return store.append({
    log: logKey(session, log),
    entries: entries.map(plainEntry),
    provider,
    reopen: "any",
  });
}

export async function beginRun(store: Store, session: string, key: string) {
  const provider = providers[session]!;
  await store.admit({ session: sessionKey(session), key, body: "{}", provider });
  return (await store.claim({ worker: "w-1", leaseMs, session }))!;
}

export function runnerOf(store: Store, batchSize = 100): ProjectionRunner {
  return new ProjectionRunner({ store, projections: [sessionStatistics({ readers })], batchSize });
}

export async function catchUp(store: Store, batchSize?: number): Promise<void> {
  const [status] = await runnerOf(store, batchSize).catchUp();
  expect(status).toMatchObject({ lag: 0 });
  expect(status).not.toHaveProperty("error");
}

export function documentsOf(store: Store): Promise<(string | null)[]> {
  const projection = statisticsName;
  return Promise.all(sessions.map((name) => store.projected({ projection, session: sessionKey(name) })));
}

/** A session's statistics, counted anew from all that is stored of it now. */
export async function recounted(store: Store, session: string): Promise<SessionStatistics> {
  const key = sessionKey(session);
  const adds: Partial<Adds>[] = [];
  const times: number[] = [];
  for (const { log } of await store.logs(key)) {
    const { entries } = await store.read({ log: { ...key, log } });
    if (!log.startsWith("@")) times.push(...entries.map(({ atMs }) => atMs));
    adds.push(...entries.map(({ body }) => addsOf(key, log, body)));
  }
  const files = [...new Set(adds.flatMap(({ file }) => file ?? []))].toSorted();
  const responses = new Map<string, Tokens>();
  for (const { response, tokens } of adds) {
    if (response === undefined || tokens === undefined) continue;
    const known = responses.get(response);
    if (known === undefined || known.output < tokens.output) responses.set(response, tokens);
  }
  return {
    turns: sumOf(adds.map(({ turns = 0 }) => turns)),
    toolCalls: sumOf(adds.map(({ toolCalls = 0 }) => toolCalls)),
    filesTouched: { paths: files, total: files.length },
    tokens: tokensOf(sumOf([...responses.values()].map(({ input }) => input))),
    entries: times.length,
    firstAtMs: times.length === 0 ? null : Math.min(...times),
    lastAtMs: times.length === 0 ? null : Math.max(...times),
  };
}

/** Which part of an entry counts: the transcript's where it can be read, else the events'. */
function addsOf({ session }: SessionKey, log: string, body: string): Partial<Adds> {
  const { adds } = JSON.parse(body) as { readonly adds: Partial<Adds> };
  const { response, tokens, turns, ...rest } = adds;
  const usage = response === undefined || tokens === undefined ? {} : { response, tokens };
  const inMain = turns === undefined || (log !== "" && !log.startsWith("@run/")) ? {} : { turns };
  const isEvent = log.startsWith("@run/");
  if (log.startsWith("@") && !isEvent) return {};
  const provider = providers[session];
  if (provider === "claude-code") return isEvent ? {} : { ...rest, ...inMain, ...usage };
  if (provider === "scripted") return isEvent ? usage : { ...rest, ...inMain };
  return isEvent ? { ...rest, ...inMain, ...usage } : {};
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

interface World {
  readonly store: Store;
  runs: number;
}

type Step = (world: World) => Promise<unknown>;

export function plans(): fc.Arbitrary<{
  readonly steps: readonly Step[];
  readonly sizes: readonly number[];
}> {
  const size = fc.constantFrom(1, 2, 3, 5, 100);
  return fc.record({
    steps: fc.array(anyStep(), { minLength: 1, maxLength: 30, size: "max" }),
    sizes: fc.array(size, { minLength: 2, maxLength: 2 }),
  });
}

function anyStep(): fc.Arbitrary<Step> {
  const session = fc.constantFrom(...sessions);
  const log = fc.constantFrom("", "", "subagents/a", "subagents/b", "@run/x", "@order");
  const path = fc.nat(6).map(pathOf);
  const id = fc.nat(4).map((n) => `r-${n}`);
  const tokens = fc.integer({ min: 1, max: 50 });
  const event = fc.oneof(
    fc.constant(made.asked()),
    path.map(made.called),
    fc.tuple(id, tokens).map(([key, n]) => made.used(key, n)),
    fc.tuple(id, tokens).map(([key, n]) => made.replayed(made.used(key, n))),
  );
  const spoken = fc.oneof(
    fc.constant(made.prompt("Go on.")),
    fc.constant(made.result()),
    path.map(made.write),
    path.map(made.read),
    fc.tuple(id, tokens).map(([key, n]) => made.response(key, n)),
  );
  const events = fc.array(event, { minLength: 1, maxLength: 4 });
  const words = fc.array(spoken, { minLength: 1, maxLength: 4 });
  const appending = fc
    .tuple(session, log, words, events)
    .map<Step>(([name, to, said, happened]) => async ({ store }) => {
      await append(store, name, said);
      return append(store, name, to.startsWith("@") ? happened : said, to);
    });
  const end = fc.constantFrom("commit" as const, "interrupted" as const, "discarded" as const);
  const running = fc.tuple(session, words, events, end).map<Step>(
    ([name, said, happened, as]) =>
      (world) =>
        runOnce(world, { name, said, happened, as }),
  );
  const dropping = fc.tuple(session, log).map<Step>(
    ([name, which]) =>
      ({ store }) =>
        store.drop({ session: sessionKey(name), log: which, actor: "test" }),
  );
  const ending = session.map<Step>(
    (name) =>
      ({ store }) =>
        store.drop({ session: sessionKey(name), actor: "test", sealed: false }),
  );
  const following = fc.constantFrom(1, 2, 4, 100).map<Step>(
    (batchSize) =>
      ({ store }) =>
        catchUp(store, batchSize),
  );
  return fc.oneof(
    { arbitrary: appending, weight: 8 },
    { arbitrary: running, weight: 3 },
    { arbitrary: dropping, weight: 2 },
    { arbitrary: ending, weight: 1 },
    { arbitrary: following, weight: 3 },
  );
}

interface RunOnce {
  readonly name: string;
  readonly said: readonly Made[];
  readonly happened: readonly Made[];
  readonly as: "commit" | "interrupted" | "discarded";
}

async function runOnce(world: World, { name, said, happened, as }: RunOnce): Promise<unknown> {
  const { store } = world;
  // A run does not bring back what was dropped.
  await append(store, name, said, "subagents/agent-1");
  const claim = await beginRun(store, name, `k-${(world.runs += 1)}`);
  await stage(store, claim, said.map(plainEntry));
  await stage(store, claim, happened.map(plainEntry), `@run/${claim.run.id}`);
  return as === "commit" ? commitOf(store, claim) : endOf(store, claim, as, { requeue: false });
}
