import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readOwnFile } from "../flow/own-files.ts";
import type { Ref } from "../plumbing/refs.ts";
import { writeOwnFile } from "./own-folder.ts";
import { refIn } from "./queue.ts";

/**
 * The refs in the CLI's own queue (specification §13), each once. It is read, never written: its writers hold a lock
 * that node cannot take, and a read sees whole lines because the file is only appended to or renamed over.
 */
export function foreignRefs(commonDir: string): readonly string[] {
  const text = boundedText(join(commonDir, "entire-checkpoint-push-queue.jsonl"));
  // A last line without its end is still being written.
  const lines = text.slice(0, text.lastIndexOf("\n") + 1).split("\n");
  return [...new Set(lines.map(refIn).filter((ref) => ref !== undefined))];
}

/** Whether these refs as they are now have been pushed there for the CLI already, whose queue still names them. */
export async function isForeignDone({ commonDir, remote, refs }: ForeignParams): Promise<boolean> {
  const stored = await readFile(join(commonDir, "holdfast", doneFile), "utf8").catch(() => "");
  return stored === digest(remote, refs);
}

export async function foreignDone({ commonDir, remote, refs }: ForeignParams): Promise<void> {
  await writeOwnFile(commonDir, doneFile, digest(remote, refs));
}

export interface ForeignParams {
  readonly commonDir: string;
  readonly remote: string;
  readonly refs: readonly Ref[];
}

const doneFile = "foreign-queue-pushed";
const maxBytes = 64 * 1024 * 1024;

function digest(remote: string, refs: readonly Ref[]): string {
  const lines = refs.map(({ name, id }) => `${id} ${name}`).toSorted();
  return createHash("sha256")
    .update([remote, ...lines].join("\n"))
    .digest("hex");
}

function boundedText(path: string): string {
  const text = readOwnFile(path, { maxBytes });
  return Buffer.isBuffer(text) ? text.toString("utf8") : "";
}
