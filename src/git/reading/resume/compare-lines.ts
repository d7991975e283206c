import { objectIn, textOf } from "../../../core/json.ts";
import { moveAssets } from "../../content/assets.ts";
import type { Redactor } from "../../content/redactor.ts";
import { sanitiseLine } from "../../content/sanitise.ts";

/** How a file of this machine stands to a checkpoint's transcript. */
export type Compared =
  /** It holds all of the checkpoint, and maybe more. */
  | { readonly kind: "complete" }
  /** It is the beginning: these lines of the checkpoint follow. */
  | { readonly kind: "behind"; readonly from: number }
  | { readonly kind: "diverged"; readonly line: number };

/**
 * Compares a session's file with a checkpoint, line by line: the file is as the agent wrote it, the checkpoint redacted
 * and with other paths, so that a line is the same that has the same uuid, or is the same once both are stored.
 */
export function compareLines(
  file: readonly string[],
  checkpoint: readonly string[],
  redactor: Pick<Redactor, "json">,
): Compared {
  const both = Math.min(file.length, checkpoint.length);
  for (let line = 0; line < both; line += 1)
    if (!isSameLine(file[line]!, checkpoint[line]!, redactor)) return { kind: "diverged", line };
  return file.length >= checkpoint.length ? { kind: "complete" } : { kind: "behind", from: file.length };
}

function isSameLine(own: string, stored: string, redactor: Pick<Redactor, "json">): boolean {
  if (own === stored) return true;
  const [a, b] = [objectIn(own), objectIn(stored)];
  if (a === undefined || b === undefined) return false;
  const uuid = textOf(a["uuid"]);
  if (uuid !== undefined) return uuid === b["uuid"];
  return shapeOf(own, redactor) === shapeOf(stored, redactor);
}

/** As a checkpoint holds it, without the folder, which is another one on each machine. */
function shapeOf(line: string, { json }: Pick<Redactor, "json">): string {
  const bare = sanitiseLine(line).replaceAll(/"cwd":"(?:[^"\\]|\\.)*"/g, '"cwd":""');
  return json(moveAssets(bare, () => {}));
}
