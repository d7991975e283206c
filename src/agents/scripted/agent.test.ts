import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AgentStep, Journal, Turn } from "../../core/agent.ts";
import { closersFor, toolFacts } from "../../core/closers.ts";
import type { Entry } from "../../core/entry.ts";
import { HoldfastError } from "../../core/errors.ts";
import { eventEntry, readEvent, type RunEvent } from "../../core/event.ts";
import type { TailPart } from "../../core/run.ts";
import { emptyJournal, stepEntry, verdictOf, withSteps } from "../../core/steps.ts";
import { classifyTail } from "../../core/tail-verdict.ts";
import { openCalls, readTranscript } from "../../core/transcript.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { scriptedAgent, type ScriptedAgentOptions } from "./index.ts";

const session = { project: "p", session: "s" };

/** One session's logs, kept as a store would, and a worker that can die after any step. */
class Bench {
  readonly main: Entry[] = [];
  readonly journal: string[] = [];
  readonly flushed: number[] = [];
  events: string[] = [];
  readonly #store = openMemoryStore();
  #run = 0;

  readonly options: ScriptedAgentOptions;

  constructor(options: ScriptedAgentOptions = {}) {
    this.options = { clock: { now: () => 1_000 }, wait: () => Promise.resolve(), ...options };
  }

  turn(prompt: string, part: Partial<Turn> = {}): Turn {
    this.#run += 1;
    this.events = [];
    const run = part.run ?? `7.${this.#run}`;
    return {
      session,
      run,
      input: { id: "7", key: "k", body: JSON.stringify({ prompt }) },
      attempt: this.#run,
      signal: new AbortController().signal,
      store: this.#store,
      journal: this.journalOf(run),
      flush: async () => void this.flushed.push(this.events.length),
      answered: () => undefined,
      recent: async (limit) => this.main.slice(-limit),
      ...part,
    };
  }

  journalOf(run: string): Journal {
    return {
      step: async (name, key, effect, fn) => {
        const step = { name, key, effect, run };
        const verdict = verdictOf(withSteps(emptyJournal, this.journal), step);
        if (verdict.do === "hold")
          throw new HoldfastError({ code: "outcome_unknown", message: "Held.", next: "" });
        if (verdict.do === "return") {
          if (!verdict.outcome.ok) throw new Error(verdict.outcome.message);
          return verdict.outcome.value as never;
        }
        this.journal.push(stepEntry({ ...step, type: "started" }).body);
        try {
          const value = await fn({ key, ask: verdict.do === "ask" });
          this.journal.push(stepEntry({ ...step, type: "result", value }).body);
          return value;
        } catch (error) {
          if (error instanceof Died) throw error;
          const message = (error as Error).message;
          this.journal.push(stepEntry({ ...step, type: "failed", message }).body);
          throw error;
        }
      },
    };
  }

  keep(run: string, step: AgentStep): void {
    if (step.kind === "event") this.events.push(eventEntry({ run, event: step.event }).body);
    if (step.kind === "entry")
      this.main.push({ seq: this.main.length + 1, atMs: 1_000, ...step.entry } as Entry);
  }

  async run(turn: Turn): Promise<void> {
    for await (const step of scriptedAgent(this.options).run(turn)) this.keep(turn.run, step);
  }

  get liveEvents(): RunEvent[] {
    return this.events.map((body) => (readEvent(body) as { event: RunEvent }).event);
  }
}

class Died extends Error {}

function part(log: string, size: number): TailPart[] {
  return size === 0 ? [] : [{ log, from: 1, to: size, sha256: "" }];
}

describe("the scripted agent", () => {
  it("shows a turn in its events and keeps it in the transcript, linked entry by entry", async () => {
    const bench = new Bench();
    await bench.run(bench.turn("say hello; tool look query 5; usage 10 2; say bye"));
    expect(bench.liveEvents.map(({ type }) => type)).toEqual([
      ...["status", "user", "assistant", "tool_call", "tool_summary", "usage", "assistant", "result"],
    ]);
    expect(bench.liveEvents.at(-1)).toEqual({ type: "result", ok: true, text: "bye", stop: "end_turn" });
    const entries = bench.main.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    expect(entries.map(({ type }) => type)).toEqual([
      ...["user", "assistant", "assistant", "user", "assistant"],
    ]);
    expect(entries.map(({ parentUuid }) => parentUuid)).toEqual([
      null,
      ...entries.slice(0, -1).map(({ uuid }) => uuid),
    ]);
    expect(
      openCalls(
        readTranscript(
          "scripted",
          bench.main.map(({ body }) => body),
        ),
      ),
    ).toEqual([]);
    const uuids = new Set(bench.main.map(({ uuid }) => uuid));
    for (const { entry } of bench.liveEvents) if (entry !== undefined) expect(uuids).toContain(entry);
  });

  it("writes the same bytes for the same run, and other ids for another run", async () => {
    const [one, two, three] = [new Bench(), new Bench(), new Bench()];
    const prompt = "say a; say a; tool x unsafe; usage 1 1; usage 1 1";
    await one.run(one.turn(prompt, { run: "9.1" }));
    await two.run(two.turn(prompt, { run: "9.1" }));
    await three.run(three.turn(prompt, { run: "9.2" }));
    expect(two.main).toEqual(one.main);
    expect(two.events).toEqual(one.events);
    const uuids = [...one.main, ...three.main].map(({ uuid }) => uuid);
    expect(new Set(uuids).size).toBe(uuids.length);
    const keys = one.liveEvents.flatMap((event) => (event.type === "usage" ? [event.key] : []));
    expect(new Set(keys).size).toBe(2);
  });

  it("goes on from the last entry of the session, also behind lines without a uuid, and keeps its resume token", async () => {
    const bench = new Bench();
    await bench.run(bench.turn("say one"));
    const [before] = [bench.main.at(-1)!.uuid];
    const [first] = bench.liveEvents;
    bench.main.push({ seq: 99, atMs: 1, body: '{"type":"mode"}' });
    await bench.run(bench.turn("say two", { resume: (first as { resume: string }).resume }));
    expect(JSON.parse(bench.main[3]!.body)).toMatchObject({ parentUuid: before, type: "user" });
    expect(bench.liveEvents[0]).toEqual(first);
  });

  it("says that it is done where the prompt gives it nothing to say", async () => {
    const bench = new Bench();
    await bench.run(bench.turn("tool look query"));
    expect(bench.liveEvents.at(-1)).toMatchObject({ type: "result", ok: true, text: "Done." });
    const empty = new Bench();
    await empty.run(empty.turn("", { input: { id: "1", key: "k", body: '{"prompt":7}' } }));
    expect(empty.liveEvents.at(-1)).toMatchObject({ ok: true, text: "Done." });
  });

  it("ends with a failed result at `fail`, and plays nothing behind it", async () => {
    const bench = new Bench();
    await bench.run(bench.turn("say a; fail out of paper; say b"));
    expect(bench.liveEvents.slice(-2)).toEqual([
      { type: "error", message: "out of paper" },
      { type: "result", ok: false, text: "out of paper", stop: "error" },
    ]);
    expect(bench.main.at(-1)!.body).toContain("out of paper");
  });

  it("makes durable what it has shown, then crashes, and never reaches a result", async () => {
    const crashes: number[] = [];
    const bench = new Bench({ crash: () => void crashes.push(bench.flushed.length) });
    await bench.run(bench.turn("say a; crash; say b"));
    expect(crashes).toEqual([1]);
    expect(bench.liveEvents.map(({ type }) => type)).toEqual(["status", "user", "assistant"]);
  });

  it("gives a tool's failure to the model and goes on", async () => {
    const bench = new Bench({ tool: () => Promise.reject(new Error("no such file")) });
    await bench.run(bench.turn("tool read idempotent; say done"));
    const summary = bench.liveEvents.find(({ type }) => type === "tool_summary");
    expect(summary).toMatchObject({ ok: false, text: "no such file" });
    expect(bench.main.some(({ body }) => body.includes('"is_error":true'))).toBe(true);
    expect(bench.liveEvents.at(-1)).toMatchObject({ ok: true, text: "done" });
  });

  it("tells also a failure that is no error", async () => {
    const bench = new Bench({ tool: () => Promise.reject("plain text") });
    await bench.run(bench.turn("tool read idempotent"));
    expect(bench.liveEvents.find(({ type }) => type === "tool_summary")).toMatchObject({
      text: "plain text",
    });
  });

  it("ends at once when the journal refuses a step", async () => {
    const bench = new Bench();
    const turn = bench.turn("tool mail unsafe; say never");
    bench.journal.push(
      stepEntry({ type: "started", name: "mail", key: "7/0", effect: "unsafe", run: "7.0" }).body,
    );
    await expect(bench.run(turn)).rejects.toMatchObject({ code: "outcome_unknown" });
    expect(bench.liveEvents.at(-1)).toMatchObject({ type: "tool_call" });
  });

  it("does not run a finished tool again in the input's next attempt, and asks about one that died", async () => {
    const done: string[] = [];
    const death = new AbortController();
    const tool: ScriptedAgentOptions["tool"] = ({ name, key, ask }) => {
      done.push(`${name} ${key} ${ask}`);
      if (name === "flaky" && !ask) death.abort(new Died());
      return death.signal.aborted && !ask ? Promise.reject(new Died()) : Promise.resolve("ok");
    };
    const bench = new Bench({ tool });
    const prompt = "tool pay unsafe; tool flaky query; say done";
    await expect(bench.run(bench.turn(prompt, { signal: death.signal }))).rejects.toThrow(Died);
    await bench.run(bench.turn(prompt));
    expect(done).toEqual(["pay 7/0 false", "flaky 7/1 false", "flaky 7/1 true"]);
    expect(bench.liveEvents.filter(({ type }) => type === "tool_summary")).toHaveLength(2);
  });

  it.each(["say a; say b", "slow 10; say b", "tool x unsafe 10; say b", "usage 1 1", "fail a"])(
    "stops with the signal's reason wherever it is aborted, and shows no result then: %s",
    async (prompt) => {
      const whole = new Bench();
      await whole.run(whole.turn(prompt));
      const steps = whole.main.length + whole.events.length;
      for (let after = 0; after < steps; after += 1) {
        const bench = new Bench();
        const cancel = new AbortController();
        const turn = bench.turn(prompt, { signal: cancel.signal });
        const reason = new Error("cancelled");
        if (after === 0) cancel.abort(reason);
        let seen = 0;
        const run = async (): Promise<void> => {
          for await (const step of scriptedAgent(bench.options).run(turn)) {
            bench.keep(turn.run, step);
            if ((seen += 1) === after) cancel.abort(reason);
          }
        };
        await expect(run()).rejects.toBe(reason);
        expect(bench.liveEvents.some(({ type }) => type === "result")).toBe(false);
      }
    },
  );

  it.each(["slow 60000", "tool x unsafe 60000"])(
    "does not wait for a timer once it is aborted: %s",
    async (prompt) => {
      const bench = new Bench();
      const cancel = new AbortController();
      const reason = new Error("cancelled");
      const turn = bench.turn(prompt, { signal: cancel.signal });
      const run = async (): Promise<void> => {
        const steps = scriptedAgent().run(turn)[Symbol.asyncIterator]();
        // The step before the wait is taken, and the next one asked for, before the abort.
        for (let next = await steps.next(); !next.done;) {
          bench.keep(turn.run, next.value);
          const waits = bench.liveEvents.some(
            (event) => event.type === "status" && event.status === "waiting",
          );
          const calls = bench.main.some(({ body }) => body.includes('"tool_use"'));
          const asked = steps.next();
          if (waits || calls) cancel.abort(reason);
          next = await asked;
        }
      };
      await expect(run()).rejects.toBe(reason);
    },
  );

  it("stops also when what waits does not see the signal", async () => {
    const cancel = new AbortController();
    const reason = new Error("cancelled");
    const bench = new Bench({ wait: async () => cancel.abort(reason) });
    await expect(bench.run(bench.turn("slow 1; say a", { signal: cancel.signal }))).rejects.toBe(reason);
    const inTool = new AbortController();
    const other = new Bench({ wait: async () => inTool.abort(reason) });
    const turn = other.turn("tool x unsafe; say a", { signal: inTool.signal });
    await expect(other.run(turn)).rejects.toBe(reason);
    expect(other.main.map(({ body }) => body).filter((body) => body.includes("tool_result"))).toEqual([]);
  });

  it("kills the process it runs in at `crash`, after what was shown is durable", () => {
    const code = `
      import { scriptedAgent } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
      const turn = {
        session: { project: "p", session: "s" },
        run: "1.1",
        input: { id: "1", key: "k", body: '{"prompt":"say a; crash; say b"}' },
        signal: new AbortController().signal,
        recent: async () => [],
        flush: async () => console.log("flushed"),
      };
      for await (const step of scriptedAgent().run(turn)) console.log(step.kind);
      console.log("alive");`;
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    expect(child.signal).toBe("SIGKILL");
    expect(child.stdout.trim().split("\n")).toEqual(["event", "entry", "event", "entry", "event", "flushed"]);
  });
});

describe("a run of the scripted agent that died", () => {
  const verb = fc.constantFrom(
    "say a",
    "tool x idempotent 1",
    "tool y query",
    "tool z unsafe",
    "usage 1 2",
    "slow 1",
    "fail no",
  );

  it("is committed only if its result was kept, and else closed so that the next turn fits", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(verb, { maxLength: 5 }), fc.nat({ max: 40 }), async (verbs, after) => {
        const bench = new Bench();
        const turn = bench.turn(verbs.join(";"));
        let kept = 0;
        for await (const step of scriptedAgent(bench.options).run(turn)) {
          if (kept === after) break;
          bench.keep(turn.run, step);
          kept += 1;
        }
        const journal = withSteps(emptyJournal, bench.journal);
        const entries = bench.main.map(({ body }) => body);
        const verdict = classifyTail({
          run: { id: turn.run, input: "7" },
          provider: "scripted",
          parts: [...part("", entries.length), ...part(`@run/${turn.run}`, bench.events.length)],
          events: bench.events,
          entries,
          journal,
        });
        const ended = bench.liveEvents.some(({ type }) => type === "result");
        expect(verdict.verdict).toBe(ended ? "commit" : "interrupt");
        const closers = closersFor("scripted", bench.main, {
          run: turn.run,
          tools: toolFacts(bench.liveEvents, journal),
        });
        if (ended) expect(closers).toEqual([]);
        const closed = readTranscript("scripted", [...entries, ...closers.map(({ body }) => body)]);
        expect(openCalls(closed)).toEqual([]);
        if (entries.length > 0) expect(closed.said.at(-1)!.role).toBe("assistant");
      }),
      { numRuns: 300 },
    );
  });
});
