import { createHash } from "node:crypto";
import { usageOf } from "../../src/agents/claude/usage.ts";
import type { TranscriptReader } from "../../src/runtime/statistics-entry.ts";

/** Reads Claude's transcripts as the program does. */
export const claudeReader: TranscriptReader = {
  provider: "claude-code",
  usageOf: (entries, { project }) =>
    usageOf(entries, {
      lineage: project,
      contentHash: (content) => createHash("sha256").update(content).digest("hex"),
    }),
};
