import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answerOf, said, sdkThat, turnOf, wordsOf } from "../../../../test/agents/stand-in-sdk.ts";
import { storeWith } from "../../../../test/runtime/recovery.ts";
import type { Agent } from "../../../core/agent.ts";
import { eventLog } from "../../../core/run.ts";
import { fileLog, filesIn } from "../../../core/side-files.ts";
import { Worker } from "../../../runtime/worker.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";

const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";

let folder: string;
let store: ReturnType<typeof openMemoryStore>;
let agent: Agent | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-turn-files-"));
  store = openMemoryStore();
});
afterEach(async () => {
  await agent?.close?.();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test("A turn has its result although a folder of another project cannot be looked into, which is said once.", async () => {
  const projects = join(folder, "projects");
  mkdirSync(projects);
  symlinkSync("loop", join(projects, "loop"));
  agent = claudeBackend({ sdk: sdkThat((prompt) => answerOf(prompt, sessionId), { folder }) });
  const first = await said(agent.run(turnOf({ store, body: "one" })));
  expect(first.slice(-2)).toEqual([
    expect.stringMatching(/^notice: What the session may have in .*loop is not kept\. ELOOP/),
    "result: answer to one",
  ]);
  const second = await said(agent.run(turnOf({ store, body: "two", resume: sessionId })));
  expect(second).toEqual(["user: two", "result: answer to two"]);
});

/** What the store names of the session's files, with their bytes. */
async function kept(): Promise<Record<string, string>> {
  const { entries } = await store.read({ log: { project: "p", session: "s", log: fileLog } });
  const files = filesIn(entries.map(({ body }) => body)).map(async (file) => {
    const bytes = "blob" in file ? await store.getBlob({ blob: file.blob }) : null;
    return [file.path, Buffer.from(bytes ?? []).toString()] as const;
  });
  return Object.fromEntries(await Promise.all(files));
}

function write(path: string): void {
  const at = join(folder, "projects/-work", path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, "all of it");
}

test("A turn that is stopped while its files are kept has its result, and the rest of its files are kept later.", async () => {
  const asked: unknown[] = [];
  const sdk = sdkThat(
    (prompt) => {
      asked.push(prompt.message.content);
      write(`${sessionId}.jsonl`);
      for (const name of ["a", "b", "c"]) write(`${sessionId}/tool-results/${name}.txt`);
      return answerOf(prompt, sessionId);
    },
    { folder },
  );
  agent = claudeBackend({ sdk, cwd: folder });
  const stopping = storeWith(store, {
    putBlob: async (params) => {
      void worker.stop({ cancel: true });
      return await store.putBlob(params);
    },
  });
  const worker = new Worker({ store: stopping, agents: [agent], owner: "w" });
  await store.admit({
    session: { project: "p", session: "s" },
    key: "k",
    body: '{"prompt":"one"}',
    provider: "claude-code",
  });
  await worker.drain();
  expect(await store.inputs({})).toMatchObject([{ state: "consumed", attempts: 1 }]);
  expect(Object.keys(await kept())).toHaveLength(1);
  await new Worker({ store, agents: [agent], owner: "w" }).drain();
  await agent.close!();
  expect(asked).toEqual(["one"]);
  const names = ["a", "b", "c"].map((name) => `session/tool-results/${name}.txt`);
  expect(Object.keys(await kept()).toSorted()).toEqual(names);
});

test("A turn that is abandoned while its files are kept has no result, and its input is answered once.", async () => {
  const asked: unknown[] = [];
  const sdk = sdkThat(
    (prompt) => {
      asked.push(prompt.message.content);
      write(`${sessionId}.jsonl`);
      write(`${sessionId}/tool-results/a.txt`);
      return answerOf(prompt, sessionId);
    },
    { folder },
  );
  agent = claudeBackend({ sdk, cwd: folder });
  const [abandoned, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = storeWith(store, {
    putBlob: async (params) => {
      void worker.stop({ cancel: true });
      await abandoned.promise;
      return await store.putBlob(params);
    },
    // Its run is ended by what is read here: the agent goes on right before it.
    tail: async (params) => {
      abandoned.resolve();
      await over.promise;
      return await store.tail(params);
    },
  });
  const watched: Agent = {
    ...agent,
    async *run(turn) {
      try {
        yield* agent!.run(turn);
      } finally {
        await turn.flush();
        over.resolve();
      }
    },
  };
  const worker = new Worker({ store: slow, agents: [watched], owner: "w", graceMs: 20 });
  const session = { project: "p", session: "s" };
  await store.admit({ session, key: "k", body: '{"prompt":"one"}', provider: "claude-code" });
  await worker.drain();
  await new Worker({ store, agents: [agent], owner: "w" }).drain();
  expect(asked).toEqual(["one", "one"]);
  const { runs } = await store.runs({ session });
  expect(runs.map(({ state }) => state)).toEqual(["committed", "interrupted"]);
  const eventsOf = async (run: string): Promise<string[]> => {
    const { entries } = await store.read({ log: { ...session, log: eventLog(run) } });
    return entries.map(({ body }) => body);
  };
  const results = (await Promise.all(runs.map(({ id }) => eventsOf(id))))
    .flat()
    .filter((body) => body.includes('"result"'));
  expect(results).toEqual([expect.stringContaining(`"run":"${runs[0]!.id}"`)]);
});

describe("in a process whose folder goes when it has ended", () => {
  const onEnd = (): void => rmSync(join(folder, "projects"), { recursive: true, force: true });
  beforeEach(() => write(`${sessionId}.jsonl`));

  test("the files of a turn that was stopped are kept, though no turn comes after it", async () => {
    const stopped = Promise.withResolvers<void>();
    const sdk = sdkThat(
      async function* (prompt) {
        const [init, result] = answerOf(prompt, sessionId);
        yield init;
        if (prompt.message.content === "one") {
          write(`${sessionId}/tool-results/a.txt`);
          yield { type: "system", subtype: "notification", text: "written" };
          await stopped.promise;
          write(`${sessionId}/tool-results/b.txt`);
        }
        yield result;
      },
      { folder, onEnd, methods: { interrupt: async () => stopped.resolve() } },
    );
    agent = claudeBackend({ sdk });
    const stop = new AbortController();
    const first = async (): Promise<void> => {
      for await (const step of agent!.run(turnOf({ store, body: "one", signal: stop.signal })))
        if (wordsOf(step) === "notice: written") stop.abort(new Error("cancelled"));
    };
    await expect(first()).rejects.toThrow("cancelled");
    await agent.close!();
    expect(await kept()).toEqual({
      "session/tool-results/a.txt": "all of it",
      "session/tool-results/b.txt": "all of it",
    });
  });

  test("a file that came after the turn's end is kept", async () => {
    agent = claudeBackend({ sdk: sdkThat((prompt) => answerOf(prompt, sessionId), { folder, onEnd }) });
    await said(agent.run(turnOf({ store, body: "one" })));
    write(`${sessionId}/tool-results/late.txt`);
    await agent.close!();
    expect(await kept()).toEqual({ "session/tool-results/late.txt": "all of it" });
  });
});
