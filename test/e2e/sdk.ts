import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { ClaudeSessionStore, FoldSessionSummary } from "../../src/claude.ts";

/** As much of the real SDK as these tests call, by structure: the tests compile where no SDK is installed. */
export interface Sdk {
  query(params: { readonly prompt: unknown; readonly options: object }): SdkQuery;
  listSessions(options: InStore): Promise<SdkSession[]>;
  getSessionInfo(sessionId: string, options: InStore): Promise<SdkSession | undefined>;
  getSessionMessages(sessionId: string, options: InStore): Promise<{ type: string; message: unknown }[]>;
  listSubagents(sessionId: string, options: InStore): Promise<string[]>;
  getSubagentMessages(sessionId: string, agentId: string, options: InStore): Promise<{ type: string }[]>;
  renameSession(sessionId: string, title: string, options: InStore): Promise<void>;
  tagSession(sessionId: string, tag: string, options: InStore): Promise<void>;
  forkSession(sessionId: string, options: InStore): Promise<{ sessionId: string }>;
  deleteSession(sessionId: string, options: InStore): Promise<void>;
  readonly foldSessionSummary: FoldSessionSummary;
}

export interface SdkQuery extends AsyncIterable<SdkMessage> {
  interrupt(): Promise<unknown>;
  setModel(model: string): Promise<void>;
}

export interface SdkMessage {
  readonly type: string;
  readonly subtype?: string;
  readonly session_id?: string;
  readonly is_error?: boolean;
}

interface SdkSession {
  readonly sessionId: string;
  readonly summary: string;
  readonly lastModified: number;
  readonly customTitle?: string;
  readonly firstPrompt?: string;
  readonly tag?: string;
}

/** Where the SDK's own functions look: in a store, and in the project of this folder. */
interface InStore {
  readonly sessionStore: ClaudeSessionStore;
  readonly dir: string;
}

/** The oldest release that is supported and the newest that is known, each in its own install. */
export const versions = ["0.3.159", "0.3.329"] as const;
export type Version = (typeof versions)[number];

/** Loads one release. Its binary of about 230 MB is its own, too. */
export async function loadSdk(version: Version): Promise<Sdk> {
  const entry = createRequire(join(sdkFolder(version), "package.json")).resolve(
    "@anthropic-ai/claude-agent-sdk",
  );
  return (await import(pathToFileURL(entry).href)) as Sdk;
}

/** Where a release is installed. */
export function sdkFolder(version: Version): string {
  return version === "0.3.329" ? import.meta.dirname : join(import.meta.dirname, `sdk-${version}`);
}
