import { describe, expect, test } from "vitest";
import { Bench, logOf, project, sessionOf } from "./bench.ts";
import { versions } from "./sdk.ts";

describe.each(versions)("the functions of SDK %s on our store", (version) => {
  test("list, name, tag, read and delete sessions", async () => {
    await using bench = await Bench.open({ version });
    const { sdk, sessions } = bench;
    const inStore = { sessionStore: sessions, dir: bench.cwd };
    const { sessionId } = await bench.say(["SAY one", "AGENT BASH echo sub"]);
    const other = await bench.say("SAY two");

    const listed = await sdk.listSessions(inStore);
    expect(listed.map((row) => [row.sessionId, row.firstPrompt])).toEqual([
      [other.sessionId, "SAY two"],
      [sessionId, "SAY one"],
    ]);
    const rows = await sessions.listSessions(project);
    expect(listed.map(({ sessionId: id, lastModified }) => ({ sessionId: id, mtime: lastModified }))).toEqual(
      rows,
    );

    const messages = await sdk.getSessionMessages(sessionId, inStore);
    expect(messages[0]).toMatchObject({ type: "user", message: { role: "user", content: "SAY one" } });
    expect(JSON.stringify(messages.at(-1))).toContain("done");
    const [agentId = "", ...more] = await sdk.listSubagents(sessionId, inStore);
    expect(more).toEqual([]);
    expect(JSON.stringify(await sdk.getSubagentMessages(sessionId, agentId, inStore))).toContain("echo sub");

    await sdk.renameSession(sessionId, "A name of its own", inStore);
    await sdk.tagSession(sessionId, "kept", inStore);
    expect(await sdk.getSessionInfo(sessionId, inStore)).toMatchObject({
      customTitle: "A name of its own",
      tag: "kept",
    });
    expect((await bench.store.session(sessionOf(sessionId)))?.title).toBe("A name of its own");

    await sdk.deleteSession(sessionId, inStore);
    expect((await sdk.listSessions(inStore)).map((row) => row.sessionId)).toEqual([other.sessionId]);
    expect(await bench.store.logs(sessionOf(sessionId))).toEqual([]);
    expect(await bench.store.tombstone(sessionOf(sessionId))).toMatchObject({ actor: "claude-agent-sdk" });
  });

  test("keep name and tag over a resume, and show the model nothing of them", async () => {
    await using bench = await Bench.open({ version });
    const inStore = { sessionStore: bench.sessions, dir: bench.cwd };
    const { sessionId } = await bench.say("SAY one");
    await bench.sdk.renameSession(sessionId, "A name of its own", inStore);
    await bench.sdk.tagSession(sessionId, "kept", inStore);
    const resumed = await bench.say("SAY two", { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control(["SAY one", "SAY two"])).slice(1));
    expect(await bench.sdk.getSessionInfo(sessionId, inStore)).toMatchObject({
      customTitle: "A name of its own",
      tag: "kept",
    });
  });

  test("list a session whose summary missed entries by folding it anew", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say("SAY one");
    const entry = { type: "custom-title", customTitle: "Named elsewhere", sessionId, uuid: "title-1" };
    await bench.store.append({
      log: logOf(sessionId),
      entries: [{ uuid: "title-1", body: JSON.stringify(entry) }],
    });
    const [row] = await bench.sdk.listSessions({ sessionStore: bench.sessions, dir: bench.cwd });
    expect(row).toMatchObject({ sessionId, customTitle: "Named elsewhere" });
  });
});
