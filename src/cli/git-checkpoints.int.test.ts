import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { textOfBlobs } from "../../test/git/checkpoint-data.ts";
import { gitTestEnv, makeRepository, type TestRepository } from "../../test/git/repositories.ts";
import type { Agent, AgentStep } from "../core/agent.ts";
import { eventEntry, type LiveEvent } from "../core/event.ts";
import { linkEntry, linksLog } from "../core/links.ts";
import { eventLog } from "../core/run.ts";
import type { Store } from "../core/store.ts";
import { plainOf } from "../git/format/raw-json.ts";
import { openLayout } from "../git/layouts/open-layout.ts";
import { openRepository } from "../git/plumbing/open-repository.ts";
import { explain } from "../git/reading/explain.ts";
import { FactsIndex } from "../git/reading/facts-index.ts";
import { readLog } from "../git/reading/log.ts";
import { linkObserver, readLinks } from "../runtime/links.ts";
import { ProjectionRunner } from "../runtime/projection-runner.ts";
import { Worker } from "../runtime/worker.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { openSqliteStore } from "../stores/sqlite/index.ts";
import { gitCheckpoints, type MadeCommit, madeCommitsOf } from "./git-checkpoints.ts";

const key = { project: "p", session: "s-1" };
const prompt = "Add a file for Acme-77, the password=hunter22 is not to be kept";

let folder: string;
let made: TestRepository;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-made-"));
  made = await makeRepository("plain");
  await made.git("config", "holdfast.checkpoints", "git-refs");
  await made.git("config", "holdfast.redact", "Acme-\\d+");
});
afterEach(() => {
  made[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(["memory", "sqlite"])("checkpoints of what runs committed, on a store in %s", (kind) => {
  let store: Store;
  beforeEach(() => {
    store = kind === "memory" ? openMemoryStore() : openSqliteStore({ path: join(folder, "holdfast.db") });
  });
  afterEach(() => store.close());

  it("hold the session up to there, are certain for log and explain, and are written once", async () => {
    await ask(store, committing("a.txt"));
    await ask(store, committing("b.txt"));
    expect(await catchUp(store, 1)).toMatchObject({ lag: 0 });
    const all = await madeCommitsOf(store, key);
    const [first, second] = all.map((one) => ("checkpoint" in one ? one.checkpoint : ""));
    expect(all).toHaveLength(2);
    await using repository = await open();
    const source = openLayout(repository, "git-refs");
    const index = new FactsIndex({ repository, source });
    const log = await readLog({ repository, index, maxCommits: 2 });
    expect(log.map(({ checkpoints }) => checkpoints)).toMatchObject([
      [{ id: second, confidence: "certain", facts: { id: second } }],
      [{ id: first, confidence: "certain" }],
    ]);
    expect(log[0]!.commit.trailers.checkpoints).toEqual([]);
    const { entries } = await store.read({ log: { ...key, log: "" } });
    const stored = await source.read(second!);
    const text = await textOfBlobs(repository, stored!.sessions[0]!.transcript);
    expect(text.trimEnd().split("\n")).toHaveLength(entries.length);
    expect(text).toContain("Made b.txt");
    expect(text).not.toContain("hunter22");
    const earlier = await source.read(first!);
    expect(await textOfBlobs(repository, earlier!.sessions[0]!.transcript)).not.toContain("Made b.txt");
    const explained = await explain({ repository, source, id: second!, maxPartBytes: 10_000 });
    expect(explained.sessions).toMatchObject([
      {
        session: "own-name",
        agent: "committing",
        prompts: [prompt.replace(/hunter22|Acme-77/g, "REDACTED")],
      },
    ]);
    expect(explained.sessions[0]!.part).toMatchObject({ before: entries.length / 2 });
    await made.fsckClean();
  });

  it("are the same refs and objects when the feed is taken again, and are written anew where one was lost", async () => {
    for (const file of ["a.txt", "b.txt"]) {
      await ask(store, committing(file));
      await catchUp(store);
    }
    const before = await refs();
    // They would be written otherwise now.
    await made.git("config", "holdfast.transcript", "whole");
    const document = await store.projected({ projection: "git-checkpoints", session: key });
    const objects = await made.git("count-objects", "-v");
    for (const batchSize of [1, 100]) await runner(store, batchSize).rebuild("git-checkpoints");
    await Promise.all([runner(store).rebuild("git-checkpoints"), runner(store).catchUp()]);
    expect(await refs()).toBe(before);
    expect(await made.git("count-objects", "-v")).toBe(objects);
    expect(await store.projected({ projection: "git-checkpoints", session: key })).toBe(document);
    const [ref = ""] = before
      .split("\n")
      .find((line) => line.includes("refs/entire"))!
      .split(" ")
      .slice(1);
    await made.git("update-ref", "-d", ref);
    await runner(store).rebuild("git-checkpoints");
    expect((await refs()).split("\n").map((line) => line.split(" ")[1])).toContain(ref);
  });

  it("are not of a run that was interrupted or discarded", async () => {
    // A commit fails the second time: each attempt makes its own file.
    await ask(store, committing("a.txt", { fails: true }));
    const { runs } = await store.runs({ session: key });
    expect(new Set(runs.map(({ state }) => state))).toEqual(new Set(["interrupted"]));
    await discardOne(store);
    expect((await store.runs({ session: key })).runs[0]).toMatchObject({ state: "discarded" });
    const links = await readLinks(store, key);
    expect(links.map(({ kind }) => kind)).toEqual(["commit", "commit"]);
    expect(await catchUp(store)).toMatchObject({ lag: 0 });
    expect(await madeCommitsOf(store, key)).toEqual([]);
    expect(await refs()).not.toContain("refs/entire");
  });

  it("say why there is none where the repository is gone or not enabled, and hold up no other session", async () => {
    await ask(store, committing("a.txt"));
    const away = `${made.path}-away`;
    renameSync(made.path, away);
    const told: MadeCommit[] = [];
    expect(await catchUp(store, 100, (one) => told.push(one))).toMatchObject({ lag: 0 });
    expect(told).toMatchObject([{ without: `there is no folder ${made.path} on this machine` }]);
    renameSync(away, made.path);
    await made.git("config", "--unset", "holdfast.checkpoints");
    await runner(store).rebuild("git-checkpoints");
    expect(await madeCommitsOf(store, key)).toMatchObject([
      { without: `holdfast git enable was not run in ${made.path}` },
    ]);
    expect(await refs()).not.toContain("refs/entire");
    await made.git("config", "holdfast.checkpoints", "git-refs");
    await made.git("config", "holdfast.redact", "Acme-\\d+");
    await runner(store).rebuild("git-checkpoints");
    expect(await madeCommitsOf(store, key)).toMatchObject([
      { checkpoint: expect.stringMatching(/^\w{26}$/) },
    ]);
  });

  it("have no commit of another repository, nor a branch that is called like one", async () => {
    await ask(store, committing("a.txt", { tells: "abc1234" }));
    await made.git("branch", "abc1234");
    await catchUp(store);
    expect(await madeCommitsOf(store, key)).toMatchObject([
      { without: `the repository of ${made.path} has no commit abc1234` },
    ]);
  });

  it("count the tokens of a run with several commits once, and leave out what it amended", async () => {
    const more = [
      ["--amend", "-m", "Add it well"],
      ["-m", "Add more"],
    ];
    await ask(store, committing("a.txt", { more }));
    await catchUp(store);
    const all = await madeCommitsOf(store, key);
    expect(all).toMatchObject([
      { without: "the run made it anew with git commit --amend" },
      { checkpoint: expect.anything() },
      { checkpoint: expect.anything() },
    ]);
    await using repository = await open();
    const source = openLayout(repository, "git-refs");
    const ids = all.flatMap((one) => ("checkpoint" in one ? one.checkpoint : []));
    const [first, last] = await Promise.all(ids.map((id) => source.read(id)));
    expect(plainOf(first!.root)).not.toHaveProperty("token_usage");
    expect(plainOf(first!.sessions[0]!.metadata)).not.toHaveProperty("token_usage");
    expect(plainOf(first!.sessions[0]!.metadata)).toMatchObject({ token_transcript_start: 2 });
    expect(plainOf(last!.root)).toMatchObject({ branch: "main", token_usage: { input_tokens: 1000 } });
    expect(plainOf(last!.sessions[0]!.metadata)).not.toHaveProperty("token_transcript_start");
  });

  it("stand right before what may pass, say so, and give the other sessions theirs meanwhile", async () => {
    const other = await makeRepository("plain");
    await other.git("config", "holdfast.checkpoints", "git-refs");
    await ask(store, committing("a.txt"));
    await ask(store, committing("a.txt", { in: other }), "s-2");
    const blocked = join(made.path, ".git/holdfast");
    rmSync(blocked, { recursive: true, force: true });
    writeFileSync(blocked, "No folder.");
    const status = await catchUp(store);
    expect(status.error).toContain("session s-1 of project p");
    expect(status.lag).toBeGreaterThan(0);
    expect(await other.git("for-each-ref")).toContain("refs/entire");
    rmSync(blocked);
    expect(await catchUp(store)).toMatchObject({ lag: 0 });
    expect(await refs()).toContain("refs/entire");
    for (const session of ["s-1", "s-2"])
      expect(await madeCommitsOf(store, { ...key, session })).toMatchObject([
        { checkpoint: expect.stringMatching(/^\w{26}$/) },
      ]);
    other[Symbol.dispose]();
  });

  it("wait while git is killed, and say why there is none where git itself refuses the repository", async () => {
    await ask(store, committing("a.txt"));
    writeFileSync(join(folder, "git"), "#!/bin/sh\nkill -9 $$\n", { mode: 0o755 });
    const env = { ...gitTestEnv, PATH: `${folder}${delimiter}${gitTestEnv["PATH"]}` };
    const status = await catchUp(store, 100, undefined, env);
    expect(status.error).toContain("killed by SIGKILL");
    expect(status.lag).toBeGreaterThan(0);
    expect(await madeCommitsOf(store, key)).toEqual([]);
    const config = join(made.path, ".git/config");
    const settings = readFileSync(config);
    writeFileSync(config, "[nothing\n");
    expect(await catchUp(store)).toMatchObject({ lag: 0 });
    expect(await madeCommitsOf(store, key)).toMatchObject([
      { without: expect.stringContaining("bad config") },
    ]);
    writeFileSync(config, settings);
    await runner(store).rebuild("git-checkpoints");
    expect(await madeCommitsOf(store, key)).toMatchObject([
      { checkpoint: expect.stringMatching(/^\w{26}$/) },
    ]);
  });
});

interface CommittingOptions {
  readonly fails?: boolean;
  readonly tells?: string;
  readonly in?: TestRepository;
  /** Arguments of further commits. */
  readonly more?: readonly (readonly string[])[];
}

/** An agent that makes a file and commits it, as Claude would with its shell. */
function committing(file: string, options: CommittingOptions = {}): Agent {
  const { fails = false, tells, in: where = made, more = [] } = options;
  const event = (one: LiveEvent): AgentStep => ({ kind: "event", event: one });
  const entry = (type: string, text: string): AgentStep => ({
    kind: "entry",
    log: "",
    entry: {
      body: JSON.stringify({ type, message: { ...messageOf(type), content: [{ type: "text", text }] } }),
    },
  });
  return {
    name: "committing",
    provider: "committing",
    capabilities: { resume: true, fork: false, nativeHistory: false, usage: false, partialText: false },
    async *run() {
      const settings = { cwd: where.path, model: "m-1" };
      yield event({ type: "status", status: "started", settings, resume: "own-name" });
      yield entry("user", prompt);
      for (const [index, args] of [["-m", `Add ${file}`], ...more].entries()) {
        const call = `c-${index}`;
        const input = { command: `git add . && git commit ${args.map((arg) => `"${arg}"`).join(" ")}` };
        yield event({ type: "tool_call", call, name: "Bash", input });
        writeFileSync(join(where.path, file), `${file}\n`.repeat(index + 1));
        await where.git("add", file);
        const said = await where.git("commit", ...args);
        const text = tells === undefined ? said : said.replace(/[0-9a-f]{7,}(?=\])/, tells);
        yield event({ type: "tool_summary", call, ok: true, text });
      }
      yield entry("assistant", `Made ${file}`);
      if (fails) throw new Error("The model is gone.");
      yield event({ type: "result", ok: true, text: "Done." });
    },
  };
}

function messageOf(role: string): Readonly<Record<string, unknown>> {
  return role === "user" ? { role } : { role, id: "m-1", usage: { input_tokens: 1000, output_tokens: 10 } };
}

let asked = 0;

async function ask(store: Store, agent: Agent, session = key.session): Promise<void> {
  const body = JSON.stringify({ prompt });
  await store.admit({
    session: { ...key, session },
    key: `k-${(asked += 1)}`,
    body,
    provider: agent.provider,
  });
  await drain(store, agent);
}

async function drain(store: Store, agent: Agent): Promise<void> {
  const observers = [linkObserver({ store })];
  await new Worker({ store, agents: [agent], owner: "w", observers }).drain();
}

/** A run that an operator puts aside behind its commit. */
async function discardOne(store: Store): Promise<void> {
  await store.admit({ session: key, key: "d", body: JSON.stringify({ prompt }), provider: "committing" });
  const { run, lease } = (await store.claim({ worker: "w", leaseMs: 60_000 }))!;
  const commit = await made.git("rev-parse", "HEAD~1");
  const link = linkEntry({ kind: "commit", commit, run: run.id, call: "c" });
  await store.append({ log: { ...key, log: linksLog }, entries: [link], fence: lease });
  const settings = { cwd: made.path };
  const event = eventEntry({ run: run.id, event: { type: "status", status: "started", settings } });
  const log = { ...key, log: eventLog(run.id) };
  await store.append({ log, entries: [event], fence: lease, run: run.id });
  const { parts } = await store.tail({ run: run.id });
  const ending = { session: key, run: run.id, epoch: lease.epoch, parts, reason: "no", actor: "t" };
  await store.endRun({ ...ending, as: "discarded", requeue: false });
}

function runner(
  store: Store,
  batchSize = 100,
  onCommit?: (made: MadeCommit) => void,
  env = gitTestEnv,
): ProjectionRunner {
  const params = { cliVersion: "holdfast/test", env, ...(onCommit && { onCommit }) };
  return new ProjectionRunner({ store, projections: [gitCheckpoints(params)], batchSize });
}

async function catchUp(...params: Parameters<typeof runner>) {
  return (await runner(...params).catchUp())[0]!;
}

function open() {
  return openRepository({ cwd: made.path, env: gitTestEnv });
}

function refs(): Promise<string> {
  return made.git("for-each-ref", "--format=%(objectname) %(refname)");
}
