import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FlowRepository } from "../../../test/git/flow-repository.ts";
import { Spool } from "./spool.ts";
import { mostAttempts } from "./worker.ts";

let flow: FlowRepository;
beforeEach(async () => {
  flow = await FlowRepository.make("git-refs");
});
afterEach(async () => {
  await flow.linked.fsckClean();
  flow[Symbol.dispose]();
});

describe("what is set aside", () => {
  const gone = "1234567890".repeat(4);

  it.each([
    ["that nobody can read", false, "rubbish"],
    ["of an agent", false, "holdfast-event 1\nkind agent\nverb stop\n\n"],
    ["of a commit that is gone", false, `holdfast-event 1\nkind post-commit\ncommit ${gone}\n\n`],
    ["of an amend that is gone", false, `holdfast-event 1\nkind post-rewrite\n\nHEAD ${gone}\n`],
    ["of a commit", true, "holdfast-event 1\nkind post-commit\ncommit HEAD\n\n"],
    ["of an amend", true, `holdfast-event 1\nkind post-rewrite\n\n${gone} HEAD\n`],
  ])("%s lets a file that waits for nothing wait: %s", async (_, keeps, text) => {
    const touched = (session: string): readonly string[] =>
      flow.linked.sessions.read(session)!.filesTouched.toSorted();
    const spool = new Spool(flow.linked);
    const name = spool.add({ kind: "work", fields: [], body: "" });
    spool.setAside(name, "It was set aside.");
    const head = await flow.git("rev-parse", "HEAD");
    writeFileSync(join(flow.linked.commonDir, "holdfast/spool/aside", name), text.replace("HEAD", head));

    // One is at work still, and nobody looks after its files but its own commits.
    const busy = flow.agent("s-1");
    await busy.prompt("Write a and b");
    busy.edit("a.txt", "The first line of a\n");
    busy.edit("b.txt", "The first line of b\n");
    await flow.agent("s-2").turn("Write c", { "c.txt": "The first line of c\n" });
    for (const file of ["b.txt", "c.txt"]) rmSync(join(flow.path, file));
    await flow.commit("Add a");
    await flow.work();
    expect([touched("s-1"), touched("s-2")]).toEqual(keeps ? [["b.txt"], ["c.txt"]] : [[], []]);
  });
});

describe("a push that waits for its remote", () => {
  it("lets no file wait that waits for nothing", async () => {
    await flow.git("remote", "add", "origin", join(flow.path, "../away"));
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.commit("Add a");
    new Spool(flow.linked).add({ kind: "pre-push", fields: [["remote", "origin"]], body: "" });
    await flow.agent("s-2").turn("Write b", { "b.txt": "The first line of b\n" });
    rmSync(join(flow.path, "b.txt"));
    expect(await flow.work()).toMatchObject({ failed: 1 });
    expect(flow.linked.sessions.read("s-2")!.filesTouched).toEqual([]);
  });
});

describe("a commit that was swept away before its work was done", () => {
  const sweep = async (): Promise<void> => {
    await flow.git("update-ref", "-d", "ORIG_HEAD");
    await flow.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all");
    await flow.git("gc", "-q", "--prune=now");
  };

  it("has no checkpoint, and its prompts go to the next one; in a partial clone it is waited for", async () => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.commit("Add a");
    await flow.git("reset", "-q", "--hard", "HEAD~");
    await sweep();
    await flow.git("config", "remote.away.url", join(flow.path, "../away"));
    await flow.git("config", "remote.away.promisor", "true");
    for (let at = 0; at <= mostAttempts; at += 1)
      expect(await flow.work()).toMatchObject({ failed: 1, aside: 0 });
    await flow.git("config", "--remove-section", "remote.away");
    expect(await flow.work()).toMatchObject({ done: 1, failed: 0, aside: 0 });
    expect(flow.log).toMatch(/The commit \w+ is not in this repository any more/);
    expect((await flow.linked.status()).problems).toEqual([]);
    await agent.turn("Write b", { "b.txt": "The first line of b\n" });
    const [id] = await flow.commit("Add b");
    await flow.work();
    expect((await flow.see(id))!.sessions).toMatchObject([{ prompt: "Write a\n\n---\n\nWrite b" }]);
    expect(await flow.ids()).toEqual([id]);
  });

  it("costs the commit that it became by an amend none of its links", async () => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    await flow.work();
    await agent.turn("Write b", { "b.txt": "The first line of b\n" });
    await flow.commit("Add a and b", "--amend");
    await sweep();
    expect(await flow.work()).toMatchObject({ failed: 0, aside: 0 });
    const head = await flow.git("rev-parse", "HEAD");
    expect((await flow.see(id))!.root).toMatchObject({ linked_commits: [{ sha: head }] });
  });
});
