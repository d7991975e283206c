import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CheckpointInput, CheckpointStore, StoredCheckpoint } from "../../src/git/checkpoint-store.ts";
import { parseObject } from "../../src/git/format/parse-json.ts";
import { objectText } from "../../src/git/format/write-json.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { isLong } from "../long.ts";
import { checkpointInput, sessionInput, storeBlob, storeText, textOfBlobs } from "./checkpoint-data.ts";
import type { LayoutUnderTest } from "./layouts.ts";
import { copyRepository } from "./repository-copy.ts";
import { unwritable } from "./unwritable.ts";
import {
  gitTestEnv,
  makeRepository,
  repositoryKinds,
  type RepositoryKind,
  type TestRepository,
} from "./repositories.ts";

/** What every layout owes to the port of checkpoints, over real git. */
export function checkpointSuite(layout: LayoutUnderTest): void {
  describe(`checkpoints in ${layout.name}`, () => testsOf(layout));
}

function testsOf(layout: LayoutUnderTest): void {
  const id = "a3b2c4d5e6f7";
  const [alice, bob] = [
    "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934",
    "2026-02-03-cb28cdbd-0013-47c9-b337-5087df7cf27e",
  ];
  let template: TestRepository;
  let place: TestRepository;
  let repository: Repository;
  let store: CheckpointStore;

  const open = async (kind: RepositoryKind): Promise<void> => {
    place = kind === "plain" ? copyRepository(template) : await makeRepository(kind);
    repository = await openRepository({ cwd: place.path, env: gitTestEnv });
    store = layout.open(repository);
  };

  beforeAll(async () => {
    template = await makeRepository("plain");
  });
  afterAll(() => template[Symbol.dispose]());
  afterEach(async () => {
    await repository[Symbol.asyncDispose]();
    await place.fsckClean();
    place[Symbol.dispose]();
  });

  const read = async (checkpoint = id): Promise<StoredCheckpoint> => {
    const stored = await store.read(checkpoint);
    if (stored === null) throw new Error(`There is no checkpoint ${checkpoint}.`);
    return stored;
  };
  const sessionOf = (stored: StoredCheckpoint, sessionId: string) => {
    const session = stored.sessions.find((other) => other.sessionId === sessionId);
    if (session === undefined) throw new Error(`There is no session ${sessionId}.`);
    return session;
  };
  const input = async (sessionId = alice, changes: Partial<CheckpointInput> = {}): Promise<CheckpointInput> =>
    checkpointInput(id, [await sessionInput(repository, sessionId)], changes);
  const sessionIds = async (): Promise<readonly string[]> =>
    (await read()).sessions.map(({ sessionId = "" }) => sessionId).toSorted(byName);
  const tips = async (): Promise<string> =>
    JSON.stringify(await repository.refs.list(`${layout.refs.replace(/[^/]+$/, "")}`));

  describe("one repository", () => {
    beforeEach(() => open("plain"));

    test("a checkpoint is read as it was written", async () => {
      const transcript = await storeText(repository, '{"a":1}\n{"b":2}', '{"c":3}\n');
      const compact = await storeText(repository, '{"v":1}\n');
      const session = await sessionInput(repository, alice, { transcript, compact, prompts: ["One", "Two"] });
      const written = await store.write(checkpointInput(id, [session]));
      expect(written).toMatchObject({ id, changed: true, slots: new Map([[alice, 0]]) });
      const stored = await read();
      expect(stored.findings).toEqual([]);
      expect([stored.id, stored.root.text("checkpoint_id"), stored.root.text("branch")]).toEqual([
        id,
        id,
        "main",
      ]);
      expect(stored.root.texts("files_touched")).toEqual([`${alice}.ts`]);
      const found = sessionOf(stored, alice);
      expect(found.metadata.text("created_at")).toBe("2026-02-03T06:21:41.461334Z");
      expect(await textOfBlobs(repository, found.transcript)).toBe('{"a":1}\n{"b":2}\n{"c":3}\n');
      expect(await textOfBlobs(repository, [found.compact ?? ""])).toBe('{"v":1}\n');
      expect(await textOfBlobs(repository, [found.prompt ?? ""])).toBe("One\n\n---\n\nTwo");
      expect(found.hash).toBe(transcript.hash);
    });

    test("what names a checkpoint's refs is told, and they are there", async () => {
      const { refs, commit } = await store.write(await input());
      expect(refs.length).toBeGreaterThan(0);
      for (const ref of refs) expect(await repository.refs.read(ref)).not.toBeNull();
      expect(await place.git("cat-file", "-t", commit)).toBe("commit");
    });

    test("every session has a slot of its own, and keeps it", async () => {
      await store.write(await input(alice));
      expect((await store.write(await input(bob))).slots).toEqual(new Map([[bob, 1]]));
      const again = await sessionInput(repository, alice, {
        transcript: await storeText(repository, "{}\n{}\n"),
      });
      expect((await store.write(checkpointInput(id, [again]))).slots).toEqual(new Map([[alice, 0]]));
      const stored = await read();
      expect(stored.sessions.map(({ slot, sessionId }) => [slot, sessionId])).toEqual([
        [0, alice],
        [1, bob],
      ]);
      expect(await textOfBlobs(repository, sessionOf(stored, bob).transcript)).toBe(`{"session":"${bob}"}\n`);
      expect(await textOfBlobs(repository, sessionOf(stored, alice).transcript)).toBe("{}\n{}\n");
      expect(stored.root.texts("files_touched")).toEqual([`${bob}.ts`, `${alice}.ts`]);
      expect(stored.root.number("checkpoints_count")).toBe(2);
      expect(stored.findings).toEqual([]);
    });

    test("several sessions may come at once", async () => {
      const sessions = [await sessionInput(repository, alice), await sessionInput(repository, bob)];
      expect((await store.write(checkpointInput(id, sessions))).slots).toEqual(
        new Map([
          [alice, 0],
          [bob, 1],
        ]),
      );
      expect((await read()).sessions).toHaveLength(2);
    });

    test("the same write again changes nothing", async () => {
      const first = await store.write(await input());
      const before = [await tips(), await place.git("count-objects")];
      const again = await store.write(await input());
      expect(again).toEqual({ ...first, changed: false });
      expect([await tips(), await place.git("count-objects")]).toEqual(before);
    });

    test("a write goes on from what is there, and never rewrites it", async () => {
      const { refs } = await store.write(await input(alice));
      const before = await Promise.all(refs.map((ref) => repository.refs.read(ref)));
      await store.write(await input(bob));
      for (const [index, ref] of refs.entries())
        await place.git("merge-base", "--is-ancestor", before[index] ?? "", ref);
      expect(await tips()).not.toContain(before[0] ?? "");
    });

    test("an update of a checkpoint that is not there is refused, and makes none", async () => {
      await expect(store.update(await input())).rejects.toMatchObject({ code: "checkpoint_unknown" });
      expect(await store.read(id)).toBeNull();
      expect(await store.list()).toEqual([]);
    });

    test("an update without a transcript leaves transcript and prompts as they are", async () => {
      const compact = await storeText(repository, '{"v":1}\n');
      await store.write(checkpointInput(id, [await sessionInput(repository, alice, { compact })]));
      const before = sessionOf(await read(), alice);
      await store.update(
        checkpointInput(id, [
          { sessionId: alice, metadata: { summary: { intent: "Try <it>" } }, prompts: [] },
        ]),
      );
      const after = sessionOf(await read(), alice);
      expect(after).toEqual({ ...before, metadata: after.metadata });
      expect(after.metadata.object("summary")?.text("intent")).toBe("Try <it>");
      expect(after.metadata.text("agent")).toBe("Claude Code");
    });

    test("keys that nobody knows survive a rewrite, with their spelling", async () => {
      const session = await sessionInput(repository, alice);
      const odd = {
        ...session.metadata,
        own_key: parseObject('{"10":1,"2":[]}'),
        initial_attribution: { agent_percentage: 12.5 },
      };
      await store.write(
        checkpointInput(id, [{ ...session, metadata: odd }], {
          // What a checkpoint is made of is not for a caller to say.
          root: { migration_source_commit: "97c165f", sessions: [], checkpoint_id: "x" },
        }),
      );
      await store.write(await input());
      const stored = await read();
      expect(stored.root.text("migration_source_commit")).toBe("97c165f");
      expect(stored.findings).toEqual([]);
      const { metadata } = sessionOf(stored, alice);
      expect(metadata.object("own_key")?.keys).toEqual(["10", "2"]);
      expect(objectText(metadata)).toContain('"agent_percentage": 12.5\n');
    });

    test("a transcript that was rewritten leaves no piece and no compact form of the old one", async () => {
      const old = {
        transcript: await storeText(repository, "{}", "{}", "{}"),
        compact: await storeText(repository, '{"v":1}\n'),
      };
      await store.write(checkpointInput(id, [await sessionInput(repository, alice, old)]));
      const transcript = await storeText(repository, '{"new":1}', "{}");
      await store.write(
        checkpointInput(id, [await sessionInput(repository, alice, { transcript, prompts: [] })]),
      );
      const session = sessionOf(await read(), alice);
      expect(await textOfBlobs(repository, session.transcript)).toBe('{"new":1}\n{}');
      expect([session.compact, session.prompt, session.hash]).toEqual([
        undefined,
        undefined,
        transcript.hash,
      ]);
    });

    test("a subagent's task is kept beside the sessions, and the next joins it", async () => {
      const transcript = await storeText(repository, '{"agent":1}\n');
      const task = { toolUseId: "toolu_01", agentId: "a1", task: { subagent_type: "Explore" }, transcript };
      await store.write(await input(alice, { tasks: [task] }));
      await store.write(
        await input(alice, {
          tasks: [
            { toolUseId: "toolu_02", task: {} },
            { toolUseId: "toolu_01", task: { completed_at: "x" } },
          ],
        }),
      );
      const { tasks } = await read();
      expect(tasks.map(({ toolUseId }) => toolUseId)).toEqual(["toolu_01", "toolu_02"]);
      expect(JSON.parse(objectText(tasks[0]!.task))).toMatchObject({
        tool_use_id: "toolu_01",
        agent_id: "a1",
        subagent_type: "Explore",
        completed_at: "x",
      });
      expect(tasks[0]!.transcripts).toEqual([{ name: "agent-a1.jsonl", id: transcript.chunks[0]!.id }]);
    });

    test("two subagents of one tool use share its record, written at once or one after the other", async () => {
      const task = async (agentId: string) => {
        const transcript = await storeText(repository, `{"agent":"${agentId}"}\n`);
        return { toolUseId: "toolu_01", agentId, task: { [agentId]: true }, transcript };
      };
      await store.write(await input(alice, { tasks: [await task("a1"), await task("a2")] }));
      await store.write(await input(alice, { tasks: [await task("a3")] }));
      const { tasks } = await read();
      expect(tasks.map(({ transcripts }) => transcripts.map(({ name }) => name))).toEqual([
        ["agent-a1.jsonl", "agent-a2.jsonl", "agent-a3.jsonl"],
      ]);
      expect(JSON.parse(objectText(tasks[0]!.task))).toMatchObject({ a1: true, a2: true, a3: true });
    });

    test.runIf(layout.keepsAssets)(
      "images lie beside the transcript with their manifest, and stay when it is rewritten",
      async () => {
        const assets = {
          manifest: await storeBlob(repository, '{"version":1,"assets":[]}'),
          files: [{ name: "1.png", id: await storeBlob(repository, "png") }],
        };
        await store.write(checkpointInput(id, [await sessionInput(repository, alice, { assets })]));
        await store.write(
          checkpointInput(id, [await sessionInput(repository, alice, { prompts: ["Another"] })]),
        );
        const session = sessionOf(await read(), alice);
        expect(session.assets).toEqual([...assets.files, { name: "manifest.json", id: assets.manifest }]);
      },
    );

    test("all checkpoints are listed, with a version that changes when they do", async () => {
      const other = "0123456789ab";
      await store.write(await input());
      await store.write({ ...(await input()), id: other });
      const before = await store.list();
      expect(before.map((listed) => listed.id)).toEqual([other, id]);
      await store.write(await input(bob));
      const after = await store.list();
      expect(after[0]).toEqual(before[0]);
      expect(after[1]?.version).not.toBe(before[1]?.version);
      expect((await read()).version).toBe(after[1]?.version);
    });

    test("a checkpoint that is removed is gone, and the others stay", async () => {
      const neighbour = "a30000000000";
      await store.write(await input());
      await store.write({ ...(await input()), id: neighbour });
      expect(await store.remove(id)).toEqual({ removed: true });
      expect([await store.read(id), (await store.list()).length]).toEqual([null, 1]);
      expect((await read(neighbour)).findings).toEqual([]);
      expect(await store.remove(id)).toEqual({ removed: false });
      await store.remove(neighbour);
      expect(await store.list()).toEqual([]);
      await store.write(await input());
      expect((await store.list()).map((listed) => listed.id)).toEqual([id]);
    });

    test("a commit has the author and date that were asked for", async () => {
      const author = { name: "Grace", email: "grace@example.com", atMs: 1_700_000_000_000, offset: "-0330" };
      const { commit } = await store.write(await input(alice, { author }));
      expect(await place.git("log", "-1", "--format=%an <%ae> %ad|%cn", "--date=raw", commit)).toBe(
        "Grace <grace@example.com> 1700000000 -0330|Grace",
      );
    });

    test("what could not be read again is refused, and nothing is written", async () => {
      const before = [await tips(), await place.git("count-objects")];
      for (const [fault, changes] of unwritable) {
        const refused = { ...checkpointInput(id, []), ...changes };
        await expect(store.write(refused), fault).rejects.toMatchObject({ code: "checkpoint_invalid" });
        await expect(store.update(refused), fault).rejects.toMatchObject({ code: "checkpoint_invalid" });
      }
      expect([await tips(), await place.git("count-objects")]).toEqual(before);
    });

    test("an id that is none is not looked for", async () => {
      await expect(store.read("../../HEAD")).rejects.toMatchObject({ code: "checkpoint_invalid" });
      await expect(store.remove("*")).rejects.toMatchObject({ code: "checkpoint_invalid" });
    });

    test("writers of one process lose nothing", async () => {
      const sessions = Array.from({ length: 8 }, (_, index) => `s${index}`);
      await Promise.all(sessions.map(async (session) => layout.open(repository).write(await input(session))));
      expect(await sessionIds()).toEqual(sessions);
    });

    test(
      "two processes that write sessions of one checkpoint lose nothing",
      async () => {
        const count = isLong ? 40 : 6;
        const names = ["a", "b"].map((writer) =>
          Array.from({ length: count }, (_, index) => `${writer}${index}`),
        );
        const workers = names.map((sessions) => startWorker({ place, layout, id, sessions, how: "write" }));
        await Promise.all(workers.map((worker) => once(worker, "message")));
        const ends = workers.map((worker) => once(worker, "exit"));
        for (const worker of workers) worker.send("go");
        expect((await Promise.all(ends)).map(([code]) => code as unknown)).toEqual([0, 0]);
        const stored = await read();
        expect(await sessionIds()).toEqual(names.flat().toSorted(byName));
        expect(stored.sessions.map(({ slot }) => slot)).toEqual(names.flat().map((_, index) => index));
      },
      isLong ? 120_000 : 30_000,
    );

    test("a writer that is killed between its objects and its ref leaves what was there, and the next write goes on", async () => {
      await store.write(await input(alice));
      const before = await tips();
      const worker = startWorker({ place, layout, id, sessions: [bob], how: "die" });
      await once(worker, "message");
      const end = once(worker, "exit");
      worker.send("go");
      expect((await end)[1]).toBe("SIGKILL");
      expect(await tips()).toBe(before);
      await place.fsckClean();
      expect((await read()).sessions.map(({ sessionId }) => sessionId)).toEqual([alice]);
      expect(await store.write(await input(bob))).toMatchObject({
        changed: true,
        slots: new Map([[bob, 1]]),
      });
    });
  });

  describe("every kind of repository", () => {
    const kinds = isLong ? repositoryKinds : (["sha256", "worktree", "packed refs"] as const);
    test.each(kinds)("%s", async (kind) => {
      await open(kind);
      await store.write(await input(alice));
      await place.git("pack-refs", "--all");
      await store.write(await input(bob));
      const stored = await read();
      expect(stored.findings).toEqual([]);
      expect(await textOfBlobs(repository, sessionOf(stored, alice).transcript)).toBe(
        `{"session":"${alice}"}\n`,
      );
      expect(await store.list()).toEqual([{ id, version: stored.version }]);
    });
  });
}

function byName(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function startWorker({
  place,
  layout,
  id,
  sessions,
  how,
}: {
  place: TestRepository;
  layout: LayoutUnderTest;
  id: string;
  sessions: readonly string[];
  how: "write" | "die";
}) {
  const script = fileURLToPath(new URL("checkpoint-worker.ts", import.meta.url));
  return fork(script, [place.path, layout.name, id, sessions.join(","), how], {
    env: gitTestEnv,
    execArgv: ["--no-warnings"],
  });
}
