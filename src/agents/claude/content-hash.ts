import { createHash } from "node:crypto";

/** Names the content of a response that carries no ids. */
export function contentHash(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}
