/** The SHA-256 of text or bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  // Loaded at the first hash: a command that only reads would pay 8 ms for it at every start.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(data).digest("hex");
}

/** The SHA-256 of pieces of text that follow one another, in hex. */
export function hashOf(pieces: Iterable<string>): string {
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}
