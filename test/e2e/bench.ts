import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  claudeSessionStore,
  type ClaudeSessionStore,
  type ClaudeSessionStoreOptions,
} from "../../src/claude.ts";
import type { SdkHooks } from "../../src/agents/claude/backend/tool-steps.ts";
import { type LogKey, openStore, type SessionKey, type Store } from "../../src/index.ts";
import { type FakeModel, type FakeModelOptions, startFakeModel } from "../../src/testing.ts";
import { type Conversation, converse } from "./conversation.ts";
import { loadSdk, type Sdk, type Version } from "./sdk.ts";

export interface BenchParams {
  readonly version: Version;
  readonly url?: "memory:";
  readonly model?: FakeModelOptions;
}

/** One test's own folder, store, fake model and SDK. */
export class Bench implements AsyncDisposable {
  readonly version: Version;
  readonly sdk: Sdk;
  readonly model: FakeModel;
  readonly store: Store;
  readonly sessions: ClaudeSessionStore;
  readonly folder: string;
  readonly cwd: string;

  static async open({ version, url, model = {} }: BenchParams): Promise<Bench> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-e2e-")));
    const store = await openStore(url ?? `sqlite:${join(folder, "holdfast.db")}`);
    return new Bench({
      version,
      folder,
      store,
      sdk: await loadSdk(version),
      model: await startFakeModel(model),
    });
  }

  private constructor(parts: Pick<Bench, "version" | "folder" | "store" | "sdk" | "model">) {
    this.version = parts.version;
    this.folder = parts.folder;
    this.store = parts.store;
    this.sdk = parts.sdk;
    this.model = parts.model;
    this.cwd = this.newFolder("work");
    this.sessions = this.sessionsOn(this.store);
  }

  /** An adapter on this store, or on one that is made to fail. */
  sessionsOn(store: Store, options: ClaudeSessionStoreOptions = {}): ClaudeSessionStore {
    const { foldSessionSummary } = this.sdk;
    return claudeSessionStore(store, { project, foldSessionSummary, ...options });
  }

  /** Says these things to the agent in one process of it, with the session kept in our store. */
  say(prompts: string | readonly string[], params: SayParams = {}): Promise<Conversation> {
    const { sdk, model, folder } = this;
    const { store = this.sessions, cwd = this.cwd, ...options } = params;
    return converse({ sdk, model, folder, cwd, store, prompts: [prompts].flat(), options });
  }

  /** What the model is shown by these turns where nothing interrupts them and no store is in play. */
  async control(prompts: readonly string[]): Promise<Conversation["shown"]> {
    const { sdk, model, folder } = this;
    const cwd = this.newFolder("control");
    return (await converse({ sdk, model, folder, cwd, prompts })).shown;
  }

  /** The entries of one log as the store has them. */
  async entries(sessionId: string, log = ""): Promise<StoredEntry[]> {
    const entries: StoredEntry[] = [];
    for await (const bodies of this.store.scan({ log: logOf(sessionId, log) }))
      entries.push(...bodies.map((body) => JSON.parse(body) as StoredEntry));
    return entries;
  }

  newFolder(name: string): string {
    return mkdtempSync(join(this.folder, `${name}-`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.model.close();
    await this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export interface SayParams {
  readonly store?: ClaudeSessionStore;
  readonly cwd?: string;
  readonly resume?: string;
  readonly forkSession?: boolean;
  readonly sessionStoreFlush?: "batched" | "eager";
  readonly hooks?: SdkHooks;
}

export interface StoredEntry {
  readonly type: string;
  readonly uuid?: string;
  readonly parentUuid?: string | null;
  readonly [field: string]: unknown;
}

/** The project of every session of these tests, whatever the folder is called. */
export const project = "e2e";

export function sessionOf(sessionId: string): SessionKey {
  return { project, session: sessionId };
}

export function logOf(sessionId: string, log = ""): LogKey {
  return { ...sessionOf(sessionId), log };
}
