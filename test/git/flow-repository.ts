import { randomUUID } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Layout, StoredCheckpoint, StoredSession } from "../../src/git/checkpoint-store.ts";
import { type AgentVerb, handleAgentHook } from "../../src/git/flow/agent-hook.ts";
import { type FlowWorkParams, openFlow, workOnFlow } from "../../src/git/flow/flow-worker.ts";
import { type Place, placeOf } from "../../src/git/flow/place.ts";
import type { Worked } from "../../src/git/flow/worker.ts";
import { plainOf } from "../../src/git/format/raw-json.ts";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { isLong } from "../long.ts";
import { textOfBlobs } from "./checkpoint-data.ts";
import { FakeAgent, type Fired } from "./fake-agent.ts";
import { LinkedRepository } from "./linked-repository.ts";
import { gitTestEnv, runTestGit } from "./repositories.ts";

/** Every layout that the flow is to be the same in. */
export const flowLayouts: readonly Layout[] = ["git-refs", "git-branch", "v2"];

/** The layouts that a scenario is played in: one of them by turns, or all where there is time. */
export function layoutsFor(scenario: number): readonly Layout[] {
  return isLong ? flowLayouts : [flowLayouts[scenario % flowLayouts.length]!];
}

/** A session of a checkpoint as a person would look at it. */
interface SeenSession {
  readonly slot: number;
  readonly sessionId: string | undefined;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly prompt: string | undefined;
  readonly transcript: string;
  readonly compact: string | undefined;
}

export interface SeenCheckpoint {
  readonly stored: StoredCheckpoint;
  readonly root: Readonly<Record<string, unknown>>;
  readonly sessions: readonly SeenSession[];
}

/** A repository whose commits are linked, with agents that work in it and the worker behind their hooks. */
export class FlowRepository implements Disposable {
  readonly linked: LinkedRepository;
  readonly home: string;

  private constructor(linked: LinkedRepository) {
    this.linked = linked;
    this.home = `${linked.path}-home`;
    mkdirSync(this.home, { recursive: true });
  }

  static async make(
    layout: Layout,
    {
      mirrors = [],
      before,
    }: {
      readonly mirrors?: readonly Layout[];
      readonly before?: (made: LinkedRepository) => Promise<void>;
    } = {},
  ): Promise<FlowRepository> {
    const linked = await LinkedRepository.make("plain", before);
    await linked.enable({ settings: { layout, mirrors } });
    return new FlowRepository(linked);
  }

  get path(): string {
    return this.linked.path;
  }

  /** An agent whose hooks run in this process, where they are not what a test is about: to start them takes its time. */
  agent(sessionId: string = randomUUID(), worktree = this.path): FakeAgent {
    const params = { worktree, home: this.home, sessionId };
    return isLong ? new FakeAgent(params) : new NearAgent(params);
  }

  /** An agent whose hooks are processes, as everywhere else. */
  realAgent(sessionId: string = randomUUID()): FakeAgent {
    return new FakeAgent({ worktree: this.path, home: this.home, sessionId });
  }

  git(...args: readonly string[]): Promise<string> {
    return runTestGit(this.path, args);
  }

  /** Stages all and commits it, as a person; gives the checkpoints that the message names. */
  async commit(message: string, ...args: readonly string[]): Promise<readonly string[]> {
    await this.git("add", "-A", "--", ":!.claude");
    await this.git("commit", "-q", "-m", message, ...args);
    return (await this.linked.trailers()).checkpoints;
  }

  /** Lets the worker do all that was noted. */
  async work(more: Partial<FlowWorkParams> = {}): Promise<Worked> {
    await using repository = await openRepository({ cwd: this.path, env: gitTestEnv });
    return await workOnFlow({ repository, cliVersion: "holdfast/test", isOnce: true, ...more });
  }

  /** A checkpoint as the layout's own reader gives it; null where there is none. */
  async see(id: string | undefined): Promise<SeenCheckpoint | null> {
    await using repository = await openRepository({ cwd: this.path, env: gitTestEnv });
    const { store } = await openFlow({ repository, cliVersion: "holdfast/test" });
    const stored = id === undefined ? null : await store.read(id);
    if (stored === null) return null;
    const text = (ids: readonly string[]): Promise<string> => textOfBlobs(repository, ids);
    const sessions = await Promise.all(
      stored.sessions.map(async (session: StoredSession) => ({
        slot: session.slot,
        sessionId: session.sessionId,
        metadata: plainOf(session.metadata) as Record<string, unknown>,
        prompt: session.prompt === undefined ? undefined : await text([session.prompt]),
        transcript: await text(session.transcript),
        compact: session.compact === undefined ? undefined : await text([session.compact]),
      })),
    );
    return { stored, root: plainOf(stored.root) as Record<string, unknown>, sessions };
  }

  /** All ids that the repository holds. */
  async ids(): Promise<readonly string[]> {
    await using repository = await openRepository({ cwd: this.path, env: gitTestEnv });
    const { store } = await openFlow({ repository, cliVersion: "holdfast/test" });
    return (await store.list()).map(({ id }) => id);
  }

  /** What the worker's log says. */
  get log(): string {
    return this.linked.read(".git/holdfast/worker.log") ?? "";
  }

  [Symbol.dispose](): void {
    rmSync(join(this.home), { recursive: true, force: true });
    this.linked[Symbol.dispose]();
  }
}

class NearAgent extends FakeAgent {
  readonly #place: Place;

  constructor(params: ConstructorParameters<typeof FakeAgent>[0]) {
    super(params);
    this.#place = placeOf(params.worktree)!;
  }

  override async fire(event: string, more: Readonly<Record<string, unknown>>): Promise<readonly Fired[]> {
    const { sessionId, transcript } = this;
    const input = { session_id: sessionId, transcript_path: transcript, ...more };
    const params = { agent: "claude-code", input, place: this.#place, parent: 1 };
    handleAgentHook({ ...params, verb: verbs[event]! });
    return [];
  }
}

const verbs: Readonly<Record<string, AgentVerb>> = {
  SessionStart: "session-start",
  UserPromptSubmit: "user-prompt-submit",
  Stop: "stop",
  SessionEnd: "session-end",
  SubagentStop: "subagent-stop",
  PreToolUse: "pre-task",
  PostToolUse: "post-task",
  PreCompact: "pre-compact",
};
