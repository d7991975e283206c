import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Store } from "../core/store.ts";
import { openStore } from "../open-store.ts";
import { findSession } from "./session.ts";

let store: Store;

beforeEach(async () => {
  store = await openStore("memory:");
});
afterEach(() => store.close());

describe("a session named by a prefix", () => {
  it("is found among all sessions, though thousands that are newer begin alike", async () => {
    await add("p", ["a", "abc"]);
    await add(
      "p",
      Array.from({ length: 2500 }, (_, at) => `a${at}`),
    );
    expect((await findSession(store, "a", {})).session).toBe("a");
    expect((await findSession(store, "ab", {})).session).toBe("abc");
    expect((await findSession(store, "a2499", { project: "p" })).session).toBe("a2499");
  });

  it("is refused with the true number of those that fit, and ten of them by name", async () => {
    await add(
      "p",
      Array.from({ length: 2500 }, (_, at) => `b${at}`),
    );
    await add("q", ["b0"]);
    const error = await findSession(store, "b", {}).catch((caught: unknown) => String(caught));
    expect(error).toMatch(
      /2,501 sessions begin with b: (?:b\d+ \(project [pq]\), ){9}b\d+ \(project p\) and 2,491 more/,
    );
    const inOne = await findSession(store, "b", { project: "p" }).catch((caught: unknown) => String(caught));
    expect(inOne).toContain("2,500 sessions");
  });

  it("is the one of that very id, and of its project where several have it", async () => {
    await add("p", ["c", "cc"]);
    await add("q", ["c"]);
    expect(await findSession(store, "c", { project: "q" })).toMatchObject({ project: "q", session: "c" });
    await expect(findSession(store, "c", {})).rejects.toMatchObject({
      code: "session_ambiguous",
      message: "2 projects hold a session c: q, p. Name its project, such as --project q.",
    });
    await expect(findSession(store, "x", { project: "q" })).rejects.toMatchObject({
      code: "session_unknown",
    });
  });

  it.each([0, 998, 999, 1000, 2500])(
    "is told as removed after %i more changes, and not after it came back",
    async (more) => {
      const gone = { project: "p", session: "gone" };
      await add("p", ["gone"]);
      await store.drop({ session: gone, actor: "me", reason: "tidy" });
      await add(
        "q",
        Array.from({ length: more }, (_, at) => `d${at}`),
      );
      await expect(findSession(store, "go", {})).rejects.toMatchObject({
        code: "session_dropped",
        data: { ...gone, actor: "me", reason: "tidy" },
      });
      await expect(findSession(store, "go", { project: "q" })).rejects.toMatchObject({
        code: "session_unknown",
      });
      await store.append({ log: { ...gone, log: "" }, entries: [{ body: "{}" }], reopen: "any" });
      expect(await findSession(store, "go", {})).toMatchObject(gone);
    },
  );
});

async function add(project: string, sessions: readonly string[]): Promise<void> {
  for (const session of sessions)
    await store.append({ log: { project, session, log: "" }, entries: [{ body: "{}" }] });
}
