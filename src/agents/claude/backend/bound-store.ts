import type { AgentStep, TurnStore } from "../../../core/agent.ts";
import { isUuid } from "../../../core/entry.ts";
import type { SessionKey } from "../../../core/ids.ts";
import type { ClaudeEntry, ClaudeSessionKey } from "../contract.ts";
import { logOf } from "../log-key.ts";
import { withoutOldClosers } from "../old-closers.ts";
import { loadLog } from "../prefetch.ts";
import type { SdkSessionStore } from "./sdk-contract.ts";

/**
 * The SDK's session store of one process. Whatever the SDK calls its project and session, there is one Holdfast session
 * behind it: the project is the SDK's name of a folder, and the session is another one after `/clear`.
 */
export function boundStore({ session, store, give }: BoundStoreParams): SdkSessionStore {
  const logKeyOf = (key: ClaudeSessionKey) => ({ ...session, log: logOf(undefined, key).log });
  return {
    // Never waits for the store: the SDK holds a turn's result back until its appends are answered.
    append: async (key, entries) => {
      const { log } = logKeyOf(key);
      for (const entry of entries) give(entryStep(log, entry));
    },
    load: async (key) => {
      const entries = await loadLog(store, logKeyOf(key));
      return entries && withoutOldClosers(entries);
    },
    listSubkeys: async () => {
      const logs = await store.logs(session);
      return logs.map(({ log }) => log).filter((log) => log !== "" && !log.startsWith("@"));
    },
  };
}

export interface BoundStoreParams {
  readonly session: SessionKey;
  readonly store: TurnStore;
  /** Takes each entry as the step of a turn. */
  readonly give: (step: AgentStep) => void;
}

function entryStep(log: string, entry: ClaudeEntry): AgentStep {
  const body = JSON.stringify(entry);
  return { kind: "entry", log, entry: isUuid(entry.uuid) ? { body, uuid: entry.uuid } : { body } };
}
