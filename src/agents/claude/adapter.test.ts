import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AppendParams, Store } from "../../core/store.ts";
import { openMemoryStore } from "../../stores/memory/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import type { ClaudeEntry, ClaudeSessionKey } from "./contract.ts";

let store: Store;

beforeEach(() => {
  store = openMemoryStore();
});
afterEach(() => store.close());

const main = { projectKey: "-home-dev", sessionId: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };
const agent = { ...main, subpath: "subagents/agent-1" };

function entry(uuid: string, text = uuid): ClaudeEntry {
  return { type: "user", uuid, parentUuid: null, message: { role: "user", content: text } };
}

describe("claudeSessionStore", () => {
  test("loads what was appended, in the order of the calls", async () => {
    const sessions = claudeSessionStore(store);
    await sessions.append(main, [entry("z")]);
    await sessions.append(main, [entry("a"), entry("m")]);
    expect(await sessions.load(main)).toEqual([entry("z"), entry("a"), entry("m")]);
  });

  test("loads null for a transcript that was never written, main or subpath", async () => {
    const sessions = claudeSessionStore(store);
    await sessions.append(main, []);
    expect(await sessions.load(main)).toBeNull();
    await sessions.append(main, [entry("a")]);
    expect(await sessions.load(agent)).toBeNull();
  });

  test("keeps subpaths and projects apart, also with the same uuids", async () => {
    const sessions = claudeSessionStore(store);
    const elsewhere = { ...main, projectKey: "-home-other" };
    for (const key of [main, agent, elsewhere])
      await sessions.append(key, [entry("same", JSON.stringify(key))]);
    for (const key of [main, agent, elsewhere])
      expect(await sessions.load(key)).toEqual([entry("same", JSON.stringify(key))]);
    expect(await sessions.listSubkeys(main)).toEqual([agent.subpath]);
    expect(await sessions.listSubkeys(elsewhere)).toEqual([]);
  });

  test("stores a repeated batch once, entries without uuid as often as they are appended", async () => {
    const sessions = claudeSessionStore(store);
    const bare: ClaudeEntry = { type: "mode", mode: "default" };
    await sessions.append(main, [entry("a"), bare]);
    await sessions.append(main, [entry("a"), bare]);
    expect(await sessions.load(main)).toEqual([entry("a"), bare, bare]);
    expect(sessions.health()).toMatchObject({ appends: 2, entries: 3, duplicates: 1, refused: 0 });
  });

  test("gives a stuck append up in its own time, and the retry with the same batch stores nothing twice", async () => {
    const gate = Promise.withResolvers<void>();
    const sessions = claudeSessionStore(deafStore(gate.promise), { appendTimeoutMs: 20 });
    const batch: ClaudeEntry[] = [{ type: "mode", mode: "plan" }];
    await expect(sessions.append(main, batch)).rejects.toMatchObject({
      code: "append_timeout",
      retryable: true,
    });
    const retry = sessions.append(main, batch);
    gate.resolve();
    await retry;
    expect(await claudeSessionStore(store).load(main)).toEqual(batch);
    expect(sessions.health()).toMatchObject({ appends: 2, entries: 1, retries: 1, timeouts: 1, refused: 1 });
  });

  test("withdraws an append that it gives up, and the retry is stored", async () => {
    const gate = Promise.withResolvers<void>();
    const queued: Store = Object.create(store, {
      append: {
        value: async ({ signal, ...params }: AppendParams) => {
          await gate.promise;
          signal?.throwIfAborted();
          return store.append(params);
        },
      },
    }) as Store;
    const sessions = claudeSessionStore(queued, { appendTimeoutMs: 20 });
    const batch: ClaudeEntry[] = [{ type: "mode", mode: "plan" }];
    await expect(sessions.append(main, batch)).rejects.toMatchObject({ code: "append_timeout" });
    const retry = sessions.append(main, batch);
    gate.resolve();
    await retry;
    expect(await claudeSessionStore(store).load(main)).toEqual(batch);
  });

  test("stores an array that is appended again after a success, changed or not", async () => {
    const sessions = claudeSessionStore(store);
    const batch: ClaudeEntry[] = [{ type: "mode", mode: "plan" }];
    await sessions.append(main, batch);
    await sessions.append(main, batch);
    batch[0] = { type: "mode", mode: "default" };
    await sessions.append(main, batch);
    await sessions.append(agent, batch);
    expect((await sessions.load(main))!.map(({ mode }) => mode)).toEqual(["plan", "plan", "default"]);
    expect(await sessions.load(agent)).toEqual(batch);
  });

  test("does not take another batch for the retry of one that was given up", async () => {
    const gate = Promise.withResolvers<void>();
    const sessions = claudeSessionStore(deafStore(gate.promise), { appendTimeoutMs: 20 });
    const batch: ClaudeEntry[] = [{ type: "mode", mode: "plan" }];
    await expect(sessions.append(main, batch)).rejects.toMatchObject({ code: "append_timeout" });
    const others = [sessions.append(agent, batch)];
    batch[0] = { type: "mode", mode: "default" };
    others.push(sessions.append(main, batch));
    gate.resolve();
    await Promise.all(others);
    expect((await claudeSessionStore(store).load(main))!.map(({ mode }) => mode)).toEqual([
      "plan",
      "default",
    ]);
    expect((await claudeSessionStore(store).load(agent))!.map(({ mode }) => mode)).toEqual(["plan"]);
  });

  test("stores the batch though the summary's helper throws, and lists the session once it does not", async () => {
    let broken = true;
    const foldSessionSummary: typeof countingFold = (...args) => {
      if (broken) throw new Error("an entry that I do not know");
      return countingFold(...args);
    };
    const sessions = claudeSessionStore(store, { foldSessionSummary });
    await sessions.append(main, [entry("a"), entry("b")]);
    expect(await sessions.load(main)).toEqual([entry("a"), entry("b")]);
    expect(await sessions.listSessionSummaries(main.projectKey)).toEqual([]);
    broken = false;
    expect((await sessions.listSessionSummaries(main.projectKey))[0]!.data).toEqual({ count: 2 });
  });

  test("lists the sessions of one project that have a main transcript", async () => {
    const sessions = claudeSessionStore(store);
    await sessions.append(agent, [entry("a")]);
    expect(await sessions.listSessions(main.projectKey)).toEqual([]);
    await sessions.append(main, [entry("a")]);
    const [row] = await sessions.listSessions(main.projectKey);
    expect(row!.sessionId).toBe(main.sessionId);
    expect(Number.isInteger(row!.mtime) && row!.mtime > 1e12).toBe(true);
    expect(await sessions.listSessions("-home-other")).toEqual([]);
  });

  test("folds summaries of the main transcript alone", async () => {
    const sessions = claudeSessionStore(store, { foldSessionSummary: countingFold });
    await sessions.append(main, [entry("a")]);
    await sessions.append(main, [entry("a"), entry("b")]);
    await sessions.append(agent, [entry("c")]);
    expect((await sessions.listSessionSummaries(main.projectKey))[0]!.data).toEqual({ count: 2 });
  });

  test("folds a summary anew that missed entries, and leaves it out where no fold is known", async () => {
    await claudeSessionStore(store).append(main, [entry("a")]);
    expect(await claudeSessionStore(store).listSessionSummaries(main.projectKey)).toEqual([]);
    const folding = claudeSessionStore(store, { foldSessionSummary: countingFold });
    await folding.append(main, [entry("b")]);
    expect((await folding.listSessionSummaries(main.projectKey))[0]!.data).toEqual({ count: 2 });
    await folding.append(main, [entry("c")]);
    expect((await folding.listSessionSummaries(main.projectKey))[0]!.data).toEqual({ count: 3 });
  });

  test("loads subagents with the main transcript, never an old or a shared copy", async () => {
    const sessions = claudeSessionStore(store);
    for (const key of [main, agent]) await sessions.append(key, [entry("a")]);
    await sessions.load(main);
    const scans: string[] = [];
    const scan = store.scan.bind(store);
    store.scan = (params) => {
      scans.push(params.log.log);
      return scan(params);
    };
    const first = await sessions.load(agent);
    expect(scans).toEqual([]);
    expect(first).toEqual([entry("a")]);
    expect(await sessions.load(agent)).not.toBe(first);
    await sessions.load(main);
    await sessions.append(agent, [entry("b")]);
    expect(await sessions.load(agent)).toEqual([entry("a"), entry("b")]);
    await sessions.load(main);
    await claudeSessionStore(store).append(agent, [entry("c")]);
    expect(await sessions.load(agent)).toEqual([entry("a"), entry("b"), entry("c")]);
  });

  test("warns when a turn ended with nothing appended, and when the SDK dropped a batch", async () => {
    const warnings: string[] = [];
    const sessions = claudeSessionStore(store, { onWarning: (warning) => warnings.push(warning) });
    const init = { type: "system", subtype: "init", session_id: main.sessionId };
    const result = { type: "result", session_id: main.sessionId };
    sessions.observe(init);
    await sessions.append(main, [entry("a")]);
    sessions.observe(result);
    expect(warnings).toEqual([]);
    sessions.observe(init);
    sessions.observe(result);
    sessions.observe({ type: "system", subtype: "mirror_error", session_id: "x", error: "gone" });
    expect(warnings).toEqual([
      expect.stringContaining("nothing was appended"),
      expect.stringContaining("gone"),
    ]);
    expect(sessions.health()).toMatchObject({ silentTurns: 1, mirrorErrors: 1 });
  });

  test("deletes a session with its subpaths, or one subpath, and lets the SDK start it anew", async () => {
    const sessions = claudeSessionStore(store);
    for (const key of [main, agent]) await sessions.append(key, [entry("a")]);
    await sessions.delete(agent);
    expect(await sessions.load(main)).toEqual([entry("a")]);
    await sessions.append(agent, [entry("b")]);
    await sessions.delete(main);
    expect(await sessions.load(agent)).toBeNull();
    await sessions.append(main, [entry("c")]);
    expect(await sessions.load(main)).toEqual([entry("c")]);
  });

  test("finds a session again under a fixed project, whatever the working directory was", async () => {
    const sessions = claudeSessionStore(store, { project: "team" });
    await sessions.append(main, [entry("a")]);
    expect(await sessions.load({ ...main, projectKey: "-somewhere-else" })).toEqual([entry("a")]);
  });

  test("keeps NUL, half surrogate pairs and __proto__ as a JSON round trip does", async () => {
    const sessions = claudeSessionStore(store);
    const odd = JSON.parse(
      '{"type":"user","uuid":"u","__proto__":{"a":1},"text":"a\\u0000b\\ud800\\u2028"}',
    ) as ClaudeEntry;
    await sessions.append(main, [odd]);
    expect(JSON.stringify(await sessions.load(main))).toBe(JSON.stringify([odd]));
  });

  test.for(["", "@run/1"])("refuses the subpath %j", async (subpath) => {
    const sessions = claudeSessionStore(store);
    await expect(sessions.append({ ...main, subpath }, [entry("a")])).rejects.toMatchObject({
      code: "invalid_key",
    });
  });

  test("names a session after the user's title, or the first real prompt", async () => {
    const sessions = claudeSessionStore(store);
    await sessions.append(main, [
      entry("a", "<command-name>/clear</command-name>"),
      { ...entry("summary", "This session is being continued"), isCompactSummary: true },
      entry("b", "Fix   the\nbuild"),
    ]);
    expect((await store.session({ project: main.projectKey, session: main.sessionId }))!.title).toBe(
      "Fix the build",
    );
    await sessions.append(main, [{ type: "custom-title", customTitle: "Build" }, entry("c", "more")]);
    expect((await store.session({ project: main.projectKey, session: main.sessionId }))!.title).toBe("Build");
  });
});

describe("the title of a session", () => {
  const custom = (customTitle: string): ClaudeEntry => ({ type: "custom-title", customTitle });
  const agents = (aiTitle: string): ClaudeEntry => ({ type: "ai-title", aiTitle });
  const title = async () =>
    (await store.session({ project: main.projectKey, session: main.sessionId }))?.title;

  test.for([{}, { foldSessionSummary: countingFold }])(
    "is the user's own, whatever the agent gives later, in whatever batches (%#)",
    async (options) => {
      const append = (...entries: ClaudeEntry[]) => claudeSessionStore(store, options).append(main, entries);
      await append(entry("a", "Fix the build"));
      await append(agents("Build repair"));
      expect(await title()).toBe("Build repair");
      await append(agents("Build repair, second day"), entry("b"));
      expect(await title()).toBe("Build repair, second day");
      await append(custom("Mine"));
      await append(agents("Theirs"), entry("c"));
      expect(await title()).toBe("Mine");
      await append(custom("Mine too"), agents("Theirs too"));
      expect(await title()).toBe("Mine too");
    },
  );

  test("is not given up to the agent where nobody knows who gave it, until that is found out", async () => {
    const sessions = claudeSessionStore(store, { foldSessionSummary: countingFold });
    await sessions.append(main, [entry("a"), custom("Mine")]);
    const unseen = { body: JSON.stringify(entry("b")), uuid: "b" };
    await store.append({
      log: { project: main.projectKey, session: main.sessionId, log: "" },
      entries: [unseen],
    });
    await sessions.append(main, [agents("Theirs")]);
    expect(await title()).toBe("Mine");
    await sessions.listSessionSummaries(main.projectKey);
    await sessions.append(main, [agents("Theirs again")]);
    expect(await title()).toBe("Mine");
  });

  test("follows the agent's after a summary that missed entries was folded anew", async () => {
    const sessions = claudeSessionStore(store, { foldSessionSummary: countingFold });
    await store.append({
      log: { project: main.projectKey, session: main.sessionId, log: "" },
      entries: [{ body: JSON.stringify(agents("First")) }],
    });
    await sessions.listSessionSummaries(main.projectKey);
    await sessions.append(main, [entry("a")]);
    expect(await title()).toBe("First");
    await sessions.append(main, [agents("Second")]);
    expect(await title()).toBe("Second");
  });

  test.for(["{}", "null", "nonsense", '{"customTitle":"Mine"}'])(
    "and the batch are stored though the summary in the row is %s",
    async (data) => {
      const sessions = claudeSessionStore(store, { foldSessionSummary: countingFold });
      await sessions.append(main, [entry("a"), custom("Mine")]);
      const session = { project: main.projectKey, session: main.sessionId };
      await store.describe({ session, summary: { data, head: 2 } });
      await sessions.append(main, [agents("Theirs")]);
      expect(await title()).toBe("Mine");
      expect((await sessions.listSessionSummaries(main.projectKey))[0]!.data).toEqual({ count: 3 });
    },
  );
});

/** A store whose appends hang, whatever the signal says, until the gate opens. */
function deafStore(gate: Promise<void>): Store {
  const append = async ({ signal: _, ...params }: AppendParams) => gate.then(() => store.append(params));
  return Object.create(store, { append: { value: append } }) as Store;
}

function countingFold(
  previous: { data: Record<string, unknown> } | undefined,
  key: ClaudeSessionKey,
  entries: never[],
) {
  const count = Number(previous?.data["count"] ?? 0) + entries.length;
  return { sessionId: key.sessionId, mtime: 0, data: { count } };
}
