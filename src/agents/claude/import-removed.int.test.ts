import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "../../core/errors.ts";
import type { Store } from "../../core/store.ts";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import {
  folder,
  key,
  run,
  session,
  sessionId,
  store,
  turn,
  useImportBench,
  write,
} from "../../../test/claude/import-bench.ts";

useImportBench();

const agent = { ...key, subpath: "subagents/agent-1" };
const agentFile = `${sessionId}/subagents/agent-1.jsonl`;

/** The same file opened again: by another process as it were, which crashes where it is told to. */
async function inAnotherStore<Result>(
  change: Partial<Store>,
  act: (other: Store) => Promise<Result>,
): Promise<Result> {
  const other = openSqliteStore({ path: join(folder, "holdfast.db") });
  try {
    return await act(Object.assign(other, change));
  } finally {
    await other.close();
  }
}

const crashed = new HoldfastError({ code: "store_closed", message: "Crashed.", next: "Start again." });

describe("the import of a transcript whose log was removed", () => {
  test("leaves a removed log removed, whatever its file gains, and brings it back when it is told to", async () => {
    write(`${sessionId}.jsonl`, [turn("a")]);
    write(agentFile, [turn("b")]);
    await run();
    await store.drop({ session, log: agent.subpath, actor: "ann" });
    const left = { entries: 0, problems: [], droppedLogs: [{ ...session, log: agent.subpath }] };
    expect(await run()).toMatchObject({ ...left, unchanged: 1 });
    expect(await run({ recheck: true })).toMatchObject(left);
    write(agentFile, [turn("b"), turn("c")]);
    expect(await run()).toMatchObject(left);
    expect(await claudeSessionStore(store).load(agent)).toBeNull();
    const restored = await run({ restoreDropped: true });
    expect(restored).toMatchObject({ entries: 2, unchanged: 1 });
    expect(restored).not.toHaveProperty("droppedLogs");
    expect(await claudeSessionStore(store).load(agent)).toEqual([turn("b"), turn("c")]);
    expect(await run()).toMatchObject({ entries: 0, unchanged: 2 });
  });

  test.for([true, false])(
    "leaves out a subagent that the SDK deleted (imported before: %s)",
    async (imported) => {
      const sessions = claudeSessionStore(store);
      write(agentFile, [turn("b")]);
      await sessions.append(key, [turn("a")] as never);
      await sessions.append(agent, [turn("b")] as never);
      if (imported) await run();
      await sessions.delete(agent);
      await sessions.delete(agent);
      expect(await run()).toMatchObject({ entries: 0, droppedLogs: [{ ...session, log: agent.subpath }] });
      await sessions.append(agent, [turn("c")] as never);
      expect(await run()).not.toHaveProperty("droppedLogs");
      await sessions.delete({ ...agent, subpath: "subagents/never" });
      expect(await sessions.listSubkeys(key)).toEqual([agent.subpath]);
    },
  );

  test("takes no crash of an import or of a removal for a removal", async () => {
    write(agentFile, [turn("b"), turn("c")]);
    const recordless: Partial<Store> = {
      append: async (params) => {
        if (params.log.log.startsWith("@import/")) throw crashed;
        return store.append(params);
      },
    };
    await expect(inAnotherStore(recordless, (other) => run({ store: other }))).rejects.toThrow(crashed);
    expect(await run()).toMatchObject({ entries: 0, duplicates: 2 });
    write(agentFile, [turn("b"), turn("c"), turn("d")]);
    const dropless: Partial<Store> = { drop: () => Promise.reject(crashed) };
    const deleting = inAnotherStore(dropless, (other) => claudeSessionStore(other).delete(agent));
    await expect(deleting).rejects.toThrow(crashed);
    expect(await run()).toMatchObject({ entries: 1 });
    write(agentFile.replace("agent-1", "agent-2"), []);
    await run();
    write(agentFile.replace("agent-1", "agent-2"), [turn("e")]);
    expect(await run()).toMatchObject({ entries: 1 });
  });

  test("stops where a log is removed while it is imported, and leaves it removed", async () => {
    const lines = Array.from({ length: 800 }, (_, at) => ({ ...turn(`u${at}`), text: "x".repeat(4000) }));
    write(`${sessionId}.jsonl`, [turn("a")]);
    write(agentFile, lines);
    const removing: Partial<Store> = {
      append: async (params) => {
        const result = await store.append(params);
        if (params.log.log === agent.subpath) await store.drop({ session, log: agent.subpath, actor: "ann" });
        return result;
      },
    };
    const left = { problems: [], droppedLogs: [{ ...session, log: agent.subpath }] };
    expect(await inAnotherStore(removing, (other) => run({ store: other }))).toMatchObject(left);
    expect(await run()).toMatchObject({ ...left, entries: 0 });
  });

  test("brings a log back that was removed since and has begun anew, however long it has become", async () => {
    write(`${sessionId}.jsonl`, [turn("a"), turn("b")]);
    await run();
    await store.drop({ session: { project: "-home-dev", session: sessionId }, log: "", actor: "ann" });
    await claudeSessionStore(store).append(key, [turn("x"), turn("y"), turn("z")] as never);
    expect(await run()).toMatchObject({ entries: 2, unchanged: 0 });
  });
});
