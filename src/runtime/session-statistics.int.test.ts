import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { claudeReader } from "../../test/runtime/claude-reader.ts";
import { onEachStore } from "../../test/runtime/each-store.ts";
import type { EntryInput } from "../core/entry.ts";
import type { LogKey, SessionKey } from "../core/ids.ts";
import { eventLog } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { noTokens, type Tokens } from "../core/usage.ts";
import { logKey, sessionKey } from "../testing/store-suite/samples.ts";
import { commitOf, endOf, leaseMs, stage } from "../testing/store-suite/work-samples.ts";
import { ProjectionRunner } from "./projection-runner.ts";
import { sessionStatistics, statisticsName, statisticsOf } from "./session-statistics.ts";
import type { SessionStatistics } from "./tally.ts";

const readers = [claudeReader, { provider: "scripted" }];
const seed = Number(process.env["HOLDFAST_MODEL_SEED"] ?? 20_261_121);

onEachStore(({ open, tries }) => {
  describe("session statistics", () => {
    it("are those of what is stored, and the same bytes however the feed is cut and whenever it is replayed", async () => {
      const property = fc.asyncProperty(plans(), async ({ steps, sizes }) => {
        const store = await open({ now: () => 1000 });
        try {
          const world = { store, runs: 0 };
          for (const step of steps) await step(world);
          await catchUp(store, sizes[0]!);
          const grown = await documentsOf(store);
          for (const session of sessions) {
            const found = await statisticsOf(store, sessionKey(session));
            expect(found ?? none, session).toEqual(await recounted(store, session));
          }
          await runnerOf(store, sizes[1]!).rebuild(statisticsName);
          expect(await documentsOf(store)).toEqual(grown);
        } finally {
          await store.close();
        }
      });
      await fc.assert(property, { seed, numRuns: tries(60) });
    }, 120_000);

    it("are there with what a run commits, and have nothing of what it staged or what was discarded", async () => {
      const store = await open();
      const claim = await beginRun(store, "s-2", "k-1");
      await stage(store, claim, [made.prompt("Hi."), made.write("/a.ts")].map(plainEntry));
      await stage(store, claim, [made.used("r-1", 7)].map(plainEntry), `@run/${claim.run.id}`);
      await catchUp(store);
      expect(await statisticsOf(store, sessionKey("s-2"))).toBe(null);
      await commitOf(store, claim);
      await catchUp(store);
      const committed = await statisticsOf(store, sessionKey("s-2"));
      expect(committed).toMatchObject({
        turns: 1,
        toolCalls: 1,
        filesTouched: { paths: ["/a.ts"], total: 1 },
        tokens: tokensOf(7),
        entries: 2,
      });
      const second = await beginRun(store, "s-2", "k-2");
      await stage(store, second, [made.prompt("More."), made.write("/b.ts")].map(plainEntry));
      await endOf(store, second, "discarded");
      await catchUp(store);
      expect(await statisticsOf(store, sessionKey("s-2"))).toEqual(committed);
    });

    it("count a response once that comes in several appends, with what its last part says", async () => {
      const store = await open();
      for (const n of [1, 1, 40]) {
        await append(store, "s-1", [made.response("m-1", n)]);
        await catchUp(store);
      }
      expect((await statisticsOf(store, sessionKey("s-1")))?.tokens).toEqual(tokensOf(40));
    });

    it("count as turns what the user asked, and nothing that is written in the user's name", async () => {
      const store = await open();
      const user = (content: unknown, more: object = {}) =>
        ({
          body: JSON.stringify({ type: "user", message: { role: "user", content }, ...more }),
        }) as EntryInput;
      const text = (words: string) => [{ type: "text", text: words }];
      const turns = [
        user("Fix it."),
        user(text("Fix it.")),
        user([{ type: "image", source: {} }]),
        user([...text("<system-reminder>x</system-reminder>"), ...text("Fix it.")]),
      ];
      const others = [
        user([{ type: "tool_result", tool_use_id: "t", content: "Fix it." }]),
        user("Fix it.", { isMeta: true }),
        user("So far.", { isCompactSummary: true }),
        user("Look around.", { isSidechain: true }),
        user("<command-name>/compact</command-name>"),
        user(text("[Request interrupted by user for tool use]")),
        user([]),
        user(7),
        { body: '{"type":"user"}' },
        { body: '{"type":"assistant","message":{"content":"Fix it."}}' },
        { body: "{torn}" },
      ];
      const append = (log: LogKey) =>
        store.append({ log, entries: [...turns, ...others], provider: "claude-code" });
      await append(logKey("s-1"));
      await append(logKey("s-1", "subagents/a"));
      await catchUp(store);
      const entries = 2 * (turns.length + others.length);
      expect(await statisticsOf(store, sessionKey("s-1"))).toMatchObject({ turns: turns.length, entries });
    });

    it("begin with what makes a session visible, whether one looks early or late", async () => {
      const found = [];
      for (const early of [true, false]) {
        const store = await open({ now: () => 1000 });
        for (const [n, as] of (["interrupted", "commit", "interrupted"] as const).entries()) {
          const claim = await beginRun(store, "s-3", `k-${n}`);
          await stage(
            store,
            claim,
            [made.asked(), made.used(`r-${n}`, 1)].map(plainEntry),
            eventLog(claim.run.id),
          );
          if (as === "commit") await commitOf(store, claim);
          else await endOf(store, claim, as, { requeue: false });
          if (early) await catchUp(store);
        }
        await catchUp(store);
        expect(await statisticsOf(store, sessionKey("s-3"))).toMatchObject({ turns: 2, tokens: tokensOf(2) });
        found.push(await documentsOf(store));
      }
      expect(found[1]).toEqual(found[0]);
    });

    it("take their times from the entries of all logs but Holdfast's own", async () => {
      const store = await open({ now: () => 5000 });
      const at = (log: string, atMs: number) =>
        store.append({ log: logKey("s-1", log), entries: [{ body: "{}", atMs }], provider: "claude-code" });
      for (const [log, atMs] of [
        ["", 300],
        ["subagents/a", 100],
        ["@run/1", 50],
        ["@order", 4000],
        ["", 700],
      ] as const)
        await at(log, atMs);
      await catchUp(store);
      expect(await statisticsOf(store, sessionKey("s-1"))).toMatchObject({
        entries: 3,
        firstAtMs: 100,
        lastAtMs: 700,
      });
    });

    it("go with a log or a session that is dropped, and begin anew with what comes after it", async () => {
      const store = await open();
      const key = sessionKey("s-1");
      await append(store, "s-1", [made.prompt("One."), made.write("/a.ts"), made.response("m-1", 3)]);
      await append(store, "s-1", [made.write("/b.ts"), made.response("m-1", 9)], "subagents/a");
      await catchUp(store);
      await store.drop({ session: key, log: "", actor: "test" });
      await append(store, "s-1", [made.prompt("Two.")]);
      await catchUp(store);
      expect(await statisticsOf(store, key)).toMatchObject({
        turns: 1,
        toolCalls: 1,
        filesTouched: { paths: ["/b.ts"], total: 1 },
        tokens: tokensOf(9),
        entries: 3,
      });
      await store.drop({ session: key, actor: "test", sealed: false });
      await append(store, "s-1", [made.prompt("Three.")]);
      await catchUp(store);
      expect(await statisticsOf(store, key)).toMatchObject({
        turns: 1,
        toolCalls: 0,
        tokens: noTokens,
        entries: 1,
      });
    });
  });
});

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

const made = {
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

function tokensOf(n: number): Tokens {
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
const sessions = Object.keys(providers);
const none: SessionStatistics = {
  turns: 0,
  toolCalls: 0,
  filesTouched: { paths: [], total: 0 },
  tokens: noTokens,
  entries: 0,
  firstAtMs: null,
  lastAtMs: null,
};

function plainEntry({ fields, adds }: Made): EntryInput {
  return { body: JSON.stringify({ ...fields, adds }) };
}

function append(store: Store, session: string, entries: readonly Made[], log = "") {
  const provider = providers[session]!;
  return store.append({
    log: logKey(session, log),
    entries: entries.map(plainEntry),
    provider,
    reopen: "any",
  });
}

async function beginRun(store: Store, session: string, key: string) {
  const provider = providers[session]!;
  await store.admit({ session: sessionKey(session), key, body: "{}", provider });
  return (await store.claim({ worker: "w-1", leaseMs, session }))!;
}

function runnerOf(store: Store, batchSize = 100): ProjectionRunner {
  return new ProjectionRunner({ store, projections: [sessionStatistics({ readers })], batchSize });
}

async function catchUp(store: Store, batchSize?: number): Promise<void> {
  const [status] = await runnerOf(store, batchSize).catchUp();
  expect(status).toMatchObject({ lag: 0 });
  expect(status).not.toHaveProperty("error");
}

function documentsOf(store: Store): Promise<(string | null)[]> {
  const projection = statisticsName;
  return Promise.all(sessions.map((name) => store.projected({ projection, session: sessionKey(name) })));
}

/** A session's statistics, counted anew from all that is stored of it now. */
async function recounted(store: Store, session: string): Promise<SessionStatistics> {
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

function plans(): fc.Arbitrary<{ readonly steps: readonly Step[]; readonly sizes: readonly number[] }> {
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
