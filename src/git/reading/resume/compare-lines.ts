import { objectIn, textOf } from "../../../core/json.ts";
import { redactJson } from "../../../core/redaction.ts";

/** How a file of this machine stands to a checkpoint's transcript. */
export type Compared =
  /** It holds all of the checkpoint, and maybe more. */
  | { readonly kind: "complete" }
  /** It is the beginning: these lines of the checkpoint follow. */
  | { readonly kind: "behind"; readonly from: number }
  | { readonly kind: "diverged"; readonly line: number };

/**
 * Compares a session's file with a checkpoint, line by line: the file is as the agent wrote it, the checkpoint redacted
 * and with other paths, so that a line is the same that has the same uuid, or is the same once it is redacted.
 */
export function compareLines(file: readonly string[], checkpoint: readonly string[]): Compared {
  const both = Math.min(file.length, checkpoint.length);
  for (let line = 0; line < both; line += 1)
    if (!isSameLine(file[line]!, checkpoint[line]!)) return { kind: "diverged", line };
  return file.length >= checkpoint.length ? { kind: "complete" } : { kind: "behind", from: file.length };
}

function isSameLine(own: string, stored: string): boolean {
  if (own === stored) return true;
  const [a, b] = [objectIn(own), objectIn(stored)];
  if (a === undefined || b === undefined) return false;
  const uuid = textOf(a["uuid"]);
  if (uuid !== undefined) return uuid === b["uuid"];
  return shapeOf(own) === shapeOf(stored);
}

// A path is another one on each machine, and a picture may lie beside the transcript.
function shapeOf(line: string): string {
  return redactJson(line).replaceAll(/"cwd":"(?:[^"\\]|\\.)*"/g, '"cwd":""');
}
