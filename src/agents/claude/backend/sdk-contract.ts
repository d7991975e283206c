import type { ClaudeEntry, ClaudeSessionKey, FoldSessionSummary } from "../contract.ts";

/** As much of the Claude Agent SDK as the backend calls, by structure. */
export interface ClaudeSdk {
  query(params: { readonly prompt: AsyncIterable<SdkPrompt>; readonly options: object }): SdkQuery;
  readonly foldSessionSummary?: FoldSessionSummary;
}

/** A running query: the agent's process as the SDK shows it. */
export interface SdkQuery extends AsyncIterable<unknown> {
  interrupt(): Promise<unknown>;
  setModel(model?: string): Promise<void>;
  setPermissionMode(mode: never): Promise<void>;
}

/** One prompt of a query in streaming-input mode. */
export interface SdkPrompt {
  readonly type: "user";
  readonly message: { readonly role: "user"; readonly content: string | SdkBlock[] };
  readonly parent_tool_use_id: null;
  /** Becomes that of its entry. */
  readonly uuid: `${string}-${string}-${string}-${string}-${string}`;
}

/** A block of a prompt's content, as the Messages API takes it. */
export type SdkBlock =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly source: SdkBytes<ImageType> }
  | {
      readonly type: "document";
      readonly source: SdkBytes<"application/pdf"> | SdkText;
      readonly title: string;
    };

/** What a model sees as an image. */
export type ImageType = "image/png" | "image/jpeg" | "image/gif" | "image/webp";

export interface SdkBytes<MediaType extends string> {
  readonly type: "base64";
  readonly media_type: MediaType;
  readonly data: string;
}

interface SdkText {
  readonly type: "text";
  readonly media_type: "text/plain";
  readonly data: string;
}

/** What the SDK asks its own process to be started with. */
export interface SdkSpawn {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** The SDK's `SessionStore`, as far as a query calls it. */
export interface SdkSessionStore {
  append(key: ClaudeSessionKey, entries: ClaudeEntry[]): Promise<void>;
  load(key: ClaudeSessionKey): Promise<ClaudeEntry[] | null>;
  listSubkeys(key: Pick<ClaudeSessionKey, "projectKey" | "sessionId">): Promise<string[]>;
}
