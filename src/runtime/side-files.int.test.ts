import { expect, test } from "vitest";
import { onEachStore } from "../../test/runtime/each-store.ts";
import { stoppedClock, storeWith } from "../../test/runtime/recovery.ts";
import { scriptedAgent } from "../agents/scripted/index.ts";
import type { Agent } from "../core/agent.ts";
import { fileLog, filesOf, type SideFile } from "../core/side-files.ts";
import type { Store } from "../core/store.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { copyStore } from "./copy.ts";
import { compareStores } from "./parity.ts";
import { reconcile } from "./reconcile.ts";
import { sessionStatistics } from "./session-statistics.ts";
import { ProjectionRunner } from "./projection-runner.ts";
import { sweepStore } from "./sweep.ts";
import { Worker, type WorkerParams } from "./worker.ts";

const session = { project: "p", session: "s" };
const bytes = Uint8Array.from({ length: 3000 }, (_, index) => index % 256);

/** Answers with a file beside its words; `then` is what it does before its result. */
function agentWithFile(then: (store: Store) => Promise<void> = async () => undefined): Agent {
  const agent = scriptedAgent();
  return {
    ...agent,
    async *run(turn) {
      const { blob } = await turn.store.putBlob({ session: turn.session, bytes });
      const place = { path: "session/tool-results/a.txt", was: "/gone/a.txt" };
      yield { kind: "file", file: { ...place, blob, bytes: bytes.length, modifiedAtMs: 1 } };
      for await (const step of agent.run(turn)) {
        if (step.kind === "event" && step.event.type === "result") await then(turn.store as Store);
        yield step;
      }
    },
  };
}

async function files(store: Store): Promise<readonly SideFile[]> {
  const { entries } = await store.read({ log: { ...session, log: fileLog } });
  return filesOf(entries.map(({ body }) => body));
}

async function answer(store: Store, agent: Agent, params: Partial<WorkerParams> = {}): Promise<void> {
  await store.admit({
    session,
    key: "k",
    body: JSON.stringify({ prompt: "say One." }),
    provider: "scripted",
  });
  await new Worker({ store, agents: [agent], owner: "w", ...params }).drain();
}

onEachStore((stores) => {
  test("a file is seen with its run's boundary and not before, and its bytes come back", async () => {
    const store = await stores.open();
    const before: (readonly SideFile[])[] = [];
    await answer(
      store,
      agentWithFile(async () => void before.push(await files(store))),
    );
    expect(before).toEqual([[]]);
    const [file] = await files(store);
    expect(file).toMatchObject({ path: "session/tool-results/a.txt", bytes: 3000 });
    expect(await store.getBlob({ blob: (file as { blob: string }).blob })).toEqual(bytes);
    const [run] = (await store.runs({ session })).runs;
    expect(run).toMatchObject({ state: "committed" });
    expect((await store.session(session))!.entries).toBe((await store.session(session))!.mainHead);
  });

  test("a run that died with a file staged is committed by what it left, the file with it", async () => {
    const clock = stoppedClock();
    const store = await stores.open(clock);
    const gone = (): never => {
      throw new Error("the host is gone");
    };
    await answer(storeWith(store, { commit: gone, endRun: gone, releaseLease: gone }), agentWithFile());
    expect(await files(store)).toEqual([]);
    clock.stopAt(clock.now() + 3_600_000);
    expect((await reconcile({ store, owner: "r" })).runs).toMatchObject([{ result: "committed" }]);
    expect(await files(store)).toHaveLength(1);
  });

  test("a run that is put aside leaves no file in the session", async () => {
    const store = await stores.open();
    const leaving: Agent = {
      ...agentWithFile(),
      async *run(turn) {
        yield { kind: "file", file: { path: "../../etc/passwd", was: "", reason: "" } };
        yield* agentWithFile().run(turn);
      },
    };
    await answer(store, leaving);
    expect(await files(store)).toEqual([]);
    expect((await store.runs({ session })).runs[0]).toMatchObject({ state: "interrupted" });
  });

  test("files go with their session: to another store, through a sweep, and away with a drop", async () => {
    const store = await stores.open();
    await answer(store, agentWithFile());
    const [file] = (await files(store)) as readonly { readonly blob: string }[];
    await new ProjectionRunner({ store, projections: [sessionStatistics({ readers: [] })] }).catchUp();
    const target = stores.keep(openMemoryStore());
    await copyStore({ from: store, to: target });
    expect(await compareStores({ from: store, to: target })).toMatchObject({ differences: [] });
    expect(await files(target)).toEqual(await files(store));
    expect(await target.getBlob({ blob: file!.blob })).toEqual(bytes);
    await sweepStore({ store, minAgeMs: 0 });
    expect(await store.getBlob({ blob: file!.blob })).toEqual(bytes);
    expect(await store.drop({ session, actor: "test" })).toMatchObject({ blobs: 1 });
    expect(await store.getBlob({ blob: file!.blob })).toBe(null);
  });
});
