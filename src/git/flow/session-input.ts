import type { SessionInput } from "../checkpoint-store.ts";
import { redactPrompts } from "../content/redactor.ts";
import { filesTouched } from "../format/capped-list.ts";
import type { Claim } from "./claims.ts";
import type { CommitEvent } from "./commit-event.ts";
import { displayName, type FlowContext } from "./flow-context.ts";
import { promptsUntil } from "./prompts.ts";

/** What a checkpoint that is there already says of a session. */
export interface StoredPart {
  readonly prompts: readonly string[];
  readonly promptCount: number;
  readonly files: readonly string[];
}

/** A session's slot of a checkpoint (specification §3.2); over what is stored where it goes on there. */
export function sessionInputOf(
  { redactor }: FlowContext,
  {
    claim,
    event,
    stored,
  }: {
    readonly claim: Claim;
    readonly event: Pick<CommitEvent, "atMs">;
    readonly stored?: StoredPart | undefined;
  },
): SessionInput {
  const { state, part, files } = claim;
  const { prompts, count, turn } = promptsUntil(state, event.atMs);
  const told = redactPrompts(prompts, redactor);
  return {
    sessionId: state.sessionId,
    prompts: [...(stored?.prompts ?? []), ...told],
    ...part?.input,
    metadata: {
      ...(stored === undefined ? { created_at: new Date(event.atMs).toISOString() } : {}),
      ...(state.branch === undefined ? {} : { branch: state.branch }),
      checkpoints_count: (stored?.promptCount ?? 0) + count,
      ...filesTouched([...(stored?.files ?? []), ...files]),
      agent: displayName(state.agent),
      ...(turn === undefined ? {} : { turn_id: turn }),
      ...startFields(claim),
      ...part?.metadata,
      model: textOr(part?.metadata["model"], state.model),
    },
  };
}

function startFields({ part }: Claim): Readonly<Record<string, unknown>> {
  if (part === undefined) return {};
  const { start, before, tokenStart, compactStart } = part;
  return {
    checkpoint_transcript_start: start,
    ...(start > 0 && before !== undefined ? { transcript_identifier_at_start: before } : {}),
    token_transcript_start: tokenStart,
    ...(compactStart === undefined ? {} : { compact_transcript_start: compactStart }),
  };
}

function textOr(text: unknown, other: string | undefined): string {
  return typeof text === "string" && text !== "" ? text : (other ?? "");
}
