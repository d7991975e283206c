/** What the commit of a checkpoint says of it (section 4). */
export interface CheckpointMessage {
  readonly id: string;
  readonly sessions: readonly { readonly sessionId: string; readonly agent?: string | undefined }[];
  readonly strategy: string;
  /** Stands above the trailers of a subagent's checkpoint. */
  readonly taskSubject?: string;
  /** The folder of a subagent's record. */
  readonly taskPath?: string;
}

/** The message of a commit that writes a checkpoint. */
export function checkpointMessage({
  id,
  sessions,
  strategy,
  taskSubject,
  taskPath,
}: CheckpointMessage): string {
  const agents = new Set(
    sessions.flatMap(({ agent }) => (agent === undefined || agent === "" ? [] : [agent])),
  );
  const trailers = [
    ...(taskPath === undefined ? [] : [`Entire-Metadata-Task: ${taskPath}`]),
    ...sessions.map(({ sessionId }) => `Entire-Session: ${sessionId}`),
    `Entire-Strategy: ${strategy}`,
    ...[...agents].map((agent) => `Entire-Agent: ${agent}`),
  ];
  const subject = [`Checkpoint: ${id}`, ...(taskSubject === undefined ? [] : [taskSubject])];
  return `${subject.join("\n\n")}\n\n${trailers.map(oneLine).join("\n")}\n`;
}

/** The subject of the rewrite at the end of a turn; it has no newline at its end. */
export function finalizeMessage(id: string): string {
  return `Finalize transcript for Checkpoint: ${id}`;
}

export function summaryMessage({
  id,
  sessionId,
}: {
  readonly id: string;
  readonly sessionId: string;
}): string {
  return `Update summary for checkpoint ${id} (session: ${oneLine(sessionId)})`;
}

export function importMessage(id: string): string {
  return `Import checkpoint ${id} (migrated from git-branch)`;
}

export function removalMessage(id: string): string {
  return `Cleanup: ${id}\n`;
}

/** Of the commit that a branch of checkpoints begins with (section 5). */
export const branchStartMessage =
  "Initialize metadata branch\n\nThis branch keeps the checkpoints of coding agents' sessions.\n";

/** The checkpoint that a commit's subject names; undefined where it names none. */
export function idOfMessage(message: string): string | undefined {
  return /^(?:Finalize (?:transcript for )?)?[Cc]heckpoint: (\S+)/.exec(message)?.[1];
}

// A line break in a value would begin a trailer of the attacker's choice.
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}
