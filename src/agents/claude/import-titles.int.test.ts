import { describe, expect, test } from "vitest";
import { claudeSessionStore } from "./adapter.ts";
import {
  key,
  run,
  sessionId,
  store,
  turn,
  useImportBench,
  write,
} from "../../../test/claude/import-bench.ts";

useImportBench();

const titleNow = async () => (await store.session({ project: "-home-dev", session: sessionId }))!.title;

describe("the import of a transcript with titles", () => {
  test("names a session by its newest title, though an older one is brought back late", async () => {
    const title = (customTitle: string): object => ({ type: "custom-title", customTitle, sessionId });
    const [first, second, last] = [1, 2, 3].map((at) => turn(`u${at}`, `2026-03-01T10:00:0${at}.000Z`));
    const lines = [first!, title("old"), second!, last!, title("new")];
    write(`${sessionId}.jsonl`, lines);
    await claudeSessionStore(store).append(key, [first, last, title("new")] as never);
    expect(await run()).toMatchObject({ entries: 2, moved: 1 });
    expect(await claudeSessionStore(store).load(key)).toEqual(lines);
    expect(await titleNow()).toBe("new");
  });

  test("names a session by the user's title that comes late, and never again by the agent's", async () => {
    const [first, last] = [1, 3].map((at) => turn(`u${at}`, `2026-03-01T10:00:0${at}.000Z`));
    const mine = {
      type: "custom-title",
      customTitle: "mine",
      uuid: "t",
      timestamp: "2026-03-01T10:00:02.000Z",
    };
    const theirs = { type: "ai-title", aiTitle: "theirs", sessionId };
    write(`${sessionId}.jsonl`, [first!, mine, last!, theirs]);
    const sessions = claudeSessionStore(store);
    await sessions.append(key, [first, last, theirs] as never);
    expect(await titleNow()).toBe("theirs");
    expect(await run()).toMatchObject({ entries: 1, moved: 1 });
    expect(await titleNow()).toBe("mine");
    await sessions.append(key, [{ ...theirs, aiTitle: "theirs again" }] as never);
    expect(await titleNow()).toBe("mine");
  });

  test("lets a mirror go on with the titles that an import found", async () => {
    write(`${sessionId}.jsonl`, [turn("a"), { type: "ai-title", aiTitle: "theirs", sessionId }]);
    await run();
    await claudeSessionStore(store).append(key, [{ type: "ai-title", aiTitle: "newer" }] as never);
    expect(await titleNow()).toBe("newer");
    write("other.jsonl", [turn("a"), { type: "custom-title", customTitle: "mine", sessionId }]);
    await run();
    const other = { ...key, sessionId: "other" };
    await claudeSessionStore(store).append(other, [{ type: "ai-title", aiTitle: "theirs" }] as never);
    expect((await store.session({ project: "-home-dev", session: "other" }))!.title).toBe("mine");
  });

  test("folds a summary in the order of reading once a late block has come", async () => {
    const turns = [1, 2, 3, 4].map((at) => turn(`u${at}`, `2026-03-01T10:00:0${at}.000Z`));
    const foldSessionSummary = (
      previous: { data: Record<string, unknown> } | undefined,
      { sessionId: id }: { sessionId: string },
      entries: never[],
    ) => {
      const uuids = (entries as { uuid: string }[]).map(({ uuid }) => uuid);
      return {
        sessionId: id,
        mtime: 0,
        data: { uuids: [...((previous?.data["uuids"] as string[] | undefined) ?? []), ...uuids] },
      };
    };
    const sessions = claudeSessionStore(store, { foldSessionSummary });
    await sessions.append(key, [turns[0], turns[3]] as never);
    write(`${sessionId}.jsonl`, turns);
    await run();
    await sessions.append(key, [turn("u5")] as never);
    const [summary] = await sessions.listSessionSummaries("-home-dev");
    expect(summary!.data).toEqual({ uuids: ["u1", "u2", "u3", "u4", "u5"] });
  });
});
