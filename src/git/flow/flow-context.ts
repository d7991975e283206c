import type { CheckpointStore } from "../checkpoint-store.ts";
import type { Redactor } from "../content/redactor.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { SessionFiles } from "./session-files.ts";

/** What the work behind the hooks is done with. */
export interface FlowContext {
  readonly repository: Repository;
  /** The primary layout with its mirrors. */
  readonly store: Pick<CheckpointStore, "write" | "update" | "read">;
  readonly sessions: SessionFiles;
  readonly redactor: Redactor;
  /** Takes refs that are to be pushed. */
  readonly queue: { add(refs: readonly string[]): Promise<void> };
  readonly cliVersion: string;
  /** True: a transcript is stored in one piece where it fits, for readers that do not join pieces. */
  readonly isWhole: boolean;
  readonly now: () => number;
  /** Notes what went wrong without keeping the work from going on. */
  readonly log: (what: string, error: unknown) => void;
}

/** The strategy that checkpoints name (specification §3.1): the user's own commits. */
export const strategy = "manual-commit";

/** Queues refs of a checkpoint; one that cannot be queued goes with the next write of it (specification §4). */
export async function queueRefs(
  { queue, log }: Pick<FlowContext, "queue" | "log">,
  refs: readonly string[],
): Promise<void> {
  await queue.add(refs).catch((error: unknown) => log("push queue", error));
}

/** The name that readers show for an agent's registry name (specification §15). */
export function displayName(agent: string): string {
  return displayNames[agent] ?? agent;
}

const displayNames: Readonly<Record<string, string>> = {
  "claude-code": "Claude Code",
  codex: "Codex",
  cursor: "Cursor",
};
