import * as sdk from "@anthropic-ai/claude-agent-sdk";
import { foldSessionSummary, query, type SessionStore } from "@anthropic-ai/claude-agent-sdk";
import {
  claudeBackend,
  type ClaudeSessionStore,
  type ClaudeSessionStoreOptions,
} from "../../../src/claude.ts";

// Never run: the compiler alone tells whether what we publish by structure is what this release takes.
export function accepted(ours: ClaudeSessionStore): {
  store: SessionStore;
  options: ClaudeSessionStoreOptions;
} {
  query({ prompt: "hello", options: { sessionStore: ours } });
  claudeBackend({ sdk });
  return { store: ours, options: { foldSessionSummary } };
}
