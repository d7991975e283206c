import { afterEach, describe, expect, it } from "vitest";
import { FlowRepository, flowLayouts } from "../../../test/git/flow-repository.ts";
import { gitTestEnv } from "../../../test/git/repositories.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { keptLinks } from "../reading/link-file.ts";
import { openFlow } from "./flow-worker.ts";
import { type RunCommit, writeRunCheckpoint } from "./run-checkpoint.ts";

let flow: FlowRepository;
afterEach(async () => {
  await flow.linked.fsckClean();
  flow[Symbol.dispose]();
});

const line = (type: string, text: string) =>
  JSON.stringify({ type, uuid: text, message: { role: type, id: text, content: [{ type: "text", text }] } });

async function write(made: Partial<RunCommit>) {
  await using repository = await openRepository({ cwd: flow.path, env: gitTestEnv });
  const { context, store } = await openFlow({ repository, cliVersion: "holdfast/test" });
  const transcript = [
    line("user", "One"),
    line("assistant", "Two"),
    line("user", "Three"),
    line("assistant", "Four"),
  ];
  const written = await writeRunCheckpoint(
    { ...context, layout: store.layout },
    {
      commit: await flow.git("rev-parse", "HEAD"),
      sessionId: "s-1",
      agent: "claude-code",
      run: "run-1",
      transcript: `${transcript.join("\n")}\n`,
      partFrom: 2,
      prompts: ["Three, password=hunter22"],
      hasUsage: true,
      ...made,
    },
  );
  await store.settled();
  return { ...written, links: keptLinks(repository) };
}

describe.each(flowLayouts)("the checkpoint of a commit that a run made, in %s", (layout) => {
  it("is found again by the run, and the commit is linked to it for certain", async () => {
    flow = await FlowRepository.make(layout);
    await flow.linked.stage("a.txt");
    await flow.git("commit", "-qm", "By a run, password=hunter22");
    const head = await flow.git("rev-parse", "HEAD");
    const { id, changed, links } = await write({});
    expect(changed).toBe(true);
    expect(links.get(head)).toMatchObject([{ checkpoint: id, confidence: "certain" }]);
    const { sessions, root, stored } = (await flow.see(id))!;
    expect(stored.findings).toEqual([]);
    expect(root).toMatchObject({
      linked_commits: [{ sha: head }],
      files_touched: ["a.txt"],
      commit_anchors: [{ sha: head, subject: "By a run, password=REDACTED" }],
    });
    expect(sessions[0]).toMatchObject({ sessionId: "s-1", prompt: "Three, password=REDACTED" });
    expect(sessions[0]!.metadata).toMatchObject({
      run_id: "run-1",
      checkpoint_transcript_start: 2,
      compact_transcript_start: 2,
    });
    expect(await write({})).toMatchObject({ id, changed: false });
    expect(await write({ run: "run-2" })).not.toMatchObject({ id });
  });
});

describe("a commit that hooks have linked already", () => {
  it("is left to the work behind them that is still to come", async () => {
    flow = await FlowRepository.make("git-refs");
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    expect(await write({})).toMatchObject({ id, changed: false });
    expect(await flow.ids()).toEqual([]);
    // Of another session's run they know nothing.
    expect(await write({ sessionId: "s-2" })).toMatchObject({ changed: true });
    await flow.work();
    expect((await flow.see(id))!.sessions.map(({ sessionId }) => sessionId)).toEqual(["s-1"]);
  });

  it("keeps its checkpoint, and one that is not there is refused", async () => {
    flow = await FlowRepository.make("git-refs");
    await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
    const [id] = await flow.commit("Add a");
    await flow.work();
    expect(await write({})).toMatchObject({ id, changed: false });
    await expect(write({ commit: "1".repeat(40) })).rejects.toMatchObject({ code: "git_ref_invalid" });
    await expect(write({ sessionId: "../../x" })).rejects.toMatchObject({ code: "checkpoint_invalid" });
    expect(await flow.ids()).toEqual([id]);
  });
});
