/** The SHA-256 of text or bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  // Loaded at the first hash: a command that only reads would pay 8 ms for it at every start.
  return process.getBuiltinModule("node:crypto").hash("sha256", data);
}

/** The SHA-256 of pieces that follow one another, in hex. */
export function hashOf(pieces: Iterable<string | Uint8Array>): string {
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return hash.digest("hex");
}
