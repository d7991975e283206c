import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FlowRepository, layoutsFor } from "../../../test/git/flow-repository.ts";
import { gitTestEnv, runTestGit } from "../../../test/git/repositories.ts";
import type { Layout } from "../checkpoint-store.ts";

const flows: FlowRepository[] = [];
afterEach(async () => {
  for (const flow of flows.splice(0)) {
    expect(flow.log).toBe("");
    await flow.linked.fsckClean();
    flow[Symbol.dispose]();
  }
});

async function make(layout: Layout): Promise<FlowRepository> {
  const flow = await FlowRepository.make(layout);
  flows.push(flow);
  return flow;
}

let scenarios = 0;
function scenario(title: string, play: (flow: FlowRepository) => Promise<void>): void {
  it.each(layoutsFor(scenarios++))(`${title} (%s)`, async (layout) => play(await make(layout)));
}

const linksOf = async (flow: FlowRepository, id: string | undefined): Promise<unknown> =>
  ((await flow.see(id))!.root["linked_commits"] as { readonly sha: string }[]).map(({ sha }) => sha);

const head = (flow: FlowRepository): Promise<string> => flow.git("rev-parse", "HEAD");

describe("history that is made anew", () => {
  scenario("an amend keeps the checkpoint, which names the new commit", async (flow) => {
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    await flow.work();
    const before = (await flow.see(id))!;
    await flow.git("commit", "-q", "--amend", "-m", "Add a, said better");
    expect((await flow.linked.trailers()).checkpoints).toEqual([id]);
    await flow.work();
    const after = (await flow.see(id))!;
    expect(await linksOf(flow, id)).toEqual([await head(flow)]);
    expect(after.root["commit_anchors"]).toMatchObject([
      { sha: await head(flow), subject: "Add a, said better" },
    ]);
    expect(after.sessions).toEqual(before.sessions);
    expect(flow.linked.sessions.read("s-1")).toMatchObject({
      baseCommit: await head(flow),
      progress: { commit: await head(flow) },
    });
    expect(await flow.ids()).toEqual([id]);
  });

  scenario("an amend with new work brings it into the checkpoint that the commit keeps", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    await flow.work();
    await agent.turn("And b", { "b.txt": "The first line of b\n" });
    await flow.commit("Add a and b", "--amend");
    await flow.work();
    const { sessions, root } = (await flow.see(id))!;
    expect(sessions).toHaveLength(1);
    expect(sessions[0]).toMatchObject({ prompt: "Write a\n\n---\n\nAnd b" });
    expect(sessions[0]!.transcript.split("\n")).toHaveLength(6);
    expect(sessions[0]!.metadata).toMatchObject({
      files_touched: ["a.txt", "b.txt"],
      checkpoints_count: 2,
      token_usage: { api_call_count: 4 },
    });
    expect(root).toMatchObject({ linked_commits: [{ sha: await head(flow) }], checkpoints_count: 2 });
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ filesTouched: [], lastCheckpoint: id });
  });

  scenario("an amend leaves a checkpoint of another tool as it was but for its links", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    await flow.work({ cliVersion: "0.11.4" });
    const before = (await flow.see(id))!;
    await agent.turn("And b", { "b.txt": "The first line of b\n" });
    await flow.commit("Add a and b", "--amend");
    await flow.work();
    const after = (await flow.see(id))!;
    expect(after.sessions).toEqual(before.sessions);
    expect(after.root["cli_version"]).toBe("0.11.4");
    expect(await linksOf(flow, id)).toEqual([await head(flow)]);
  });

  scenario("a rebase maps every checkpoint to what its commit became", async (flow) => {
    const agent = flow.agent("s-1");
    await flow.git("checkout", "-q", "-b", "work");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [a] = await flow.commit("Add a");
    await agent.turn("Write b", { "b.txt": "The first line of b\n" });
    const [b] = await flow.commit("Add b");
    await flow.work();
    await flow.git("checkout", "-q", "main");
    await flow.linked.stage("main.txt", "Meanwhile\n");
    await flow.git("commit", "-qm", "Meanwhile");
    await flow.git("rebase", "-q", "main", "work");
    const versions = [(await flow.see(a))!.sessions, (await flow.see(b))!.sessions];
    await flow.work();
    expect(await linksOf(flow, a)).toEqual([await flow.git("rev-parse", "HEAD~")]);
    expect(await linksOf(flow, b)).toEqual([await head(flow)]);
    expect([(await flow.see(a))!.sessions, (await flow.see(b))!.sessions]).toEqual(versions);
    expect(flow.linked.sessions.read("s-1")).toMatchObject({ baseCommit: await head(flow) });
    expect(await flow.ids()).toHaveLength(2);
  });

  scenario("a squash inherits links, and new work goes to an id of its own", async (flow) => {
    const agent = flow.agent("s-1");
    await flow.git("checkout", "-q", "-b", "work");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [a] = await flow.commit("Add a");
    await agent.turn("Write b", { "b.txt": "The first line of b\n" });
    const [b] = await flow.commit("Add b");
    await flow.work();
    await flow.git("checkout", "-q", "main");
    await flow.git("merge", "-q", "--squash", "work");
    await agent.turn("And c", { "c.txt": "The first line of c\n" });
    await flow.git("add", "-A", "--", ":!.claude");
    await flow.linked.git(["commit", "-q", "--no-edit"], { GIT_EDITOR: ":" });
    const ids = (await flow.linked.trailers()).inText;
    const fresh = ids.filter((id) => id !== a && id !== b);
    expect([ids.includes(a!), ids.includes(b!), fresh.length]).toEqual([true, true, 1]);
    await flow.work();
    const squashed = await head(flow);
    expect(await linksOf(flow, a)).toContain(squashed);
    expect(await linksOf(flow, b)).toContain(squashed);
    const { sessions } = (await flow.see(fresh[0]))!;
    expect(sessions.map(({ prompt, metadata }) => [prompt, metadata["files_touched"]])).toEqual([
      ["And c", ["c.txt"]],
    ]);
    expect((await flow.see(a))!.sessions[0]!.prompt).toBe("Write a");
  });

  scenario("a cherry-pick adds a link, and no checkpoint", async (flow) => {
    await flow.git("checkout", "-q", "-b", "work");
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    const first = await head(flow);
    await flow.git("checkout", "-q", "main");
    await flow.linked.stage("main.txt", "Meanwhile\n");
    await flow.git("commit", "-qm", "Meanwhile");
    await flow.git("cherry-pick", "work");
    await flow.work();
    expect(await linksOf(flow, id)).toEqual([first, await head(flow)]);
    expect(await flow.ids()).toEqual([id]);
  });

  scenario("a fixup whose trailer is gone keeps its link", async (flow) => {
    const agent = flow.agent("s-1");
    await agent.turn("Write a", { "a.txt": "The first line of a\n" });
    const [a] = await flow.commit("Add a");
    await agent.turn("Mend a", { "a.txt": "The first line of a, mended\n" });
    const [b] = await flow.commit("fixup! Add a");
    await flow.work();
    await flow.linked.git(["rebase", "-q", "-i", "--autosquash", "HEAD~2"], { GIT_SEQUENCE_EDITOR: ":" });
    expect((await flow.linked.trailers()).checkpoints).toEqual([a]);
    await flow.work();
    expect(await linksOf(flow, a)).toEqual([await head(flow)]);
    expect(await linksOf(flow, b)).toEqual([await head(flow)]);
  });

  scenario("a reset and a commit of the same inherit the link", async (flow) => {
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    await flow.work();
    await flow.git("reset", "-q", "--soft", "HEAD~");
    expect(await flow.commit("Add a again")).toEqual([id]);
    await flow.work();
    expect(await linksOf(flow, id)).toContain(await head(flow));
    expect(await flow.ids()).toEqual([id]);
  });
});

describe("worktrees", () => {
  scenario("each has its own sessions, and all of them one worker", async (flow) => {
    const other = join(flow.path, "../other");
    await flow.git("worktree", "add", "-q", "-b", "other", other);
    await flow.linked.enable({}, other);
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    await flow.agent("s-2", other).turn("Write a there", { "a.txt": "Another first line of a\n" });
    const [id] = await flow.commit("Add a");
    await runTestGit(other, ["add", "a.txt"]);
    await runTestGit(other, ["commit", "-qm", "Add a there"]);
    await flow.work();
    const there = (await flow.linked.trailers("other")).checkpoints[0];
    const seen = [(await flow.see(id))!, (await flow.see(there))!];
    expect(seen.map(({ sessions }) => sessions.map(({ sessionId }) => sessionId))).toEqual([
      ["s-1"],
      ["s-2"],
    ]);
    expect(seen.map(({ root }) => root["branch"])).toEqual(["main", "other"]);
  });

  scenario(
    "a commit of an agent in another than its own is its session's, and takes nothing of it",
    async (flow) => {
      const other = join(flow.path, "../other");
      await flow.git("worktree", "add", "-q", "-b", "other", other);
      const agent = flow.agent("s-1");
      await agent.turn("Write a", { "a.txt": "The first line of a\n" });
      await agent.prompt("Write a and b there");
      agent.edit("../other/a.txt", "The first line of a\n");
      agent.edit("../other/b.txt", "The first line of b\n");
      await runTestGit(other, ["add", "a.txt", "b.txt"]);
      await runTestGit(other, ["commit", "-qm", "Add both there"], { ...gitTestEnv, CLAUDECODE: "1" });
      await agent.stop();
      await flow.work();
      const there = (await flow.see((await flow.linked.trailers("other")).checkpoints[0]))!;
      expect(there.root).toMatchObject({ branch: "other", files_touched: ["a.txt", "b.txt"] });
      expect(there.sessions.map(({ sessionId, prompt }) => [sessionId, prompt])).toEqual([
        ["s-1", "Write a\n\n---\n\nWrite a and b there"],
      ]);
      const [id] = await flow.commit("Add a");
      await flow.work();
      const here = (await flow.see(id))!;
      expect(here.root).toMatchObject({ branch: "main", files_touched: ["a.txt"] });
    },
  );
});
