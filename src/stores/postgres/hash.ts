/** The SHA-256 of text or bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  // Loaded at the first hash: a command that only reads would pay 8 ms for it at every start.
  const { createHash } = process.getBuiltinModule("node:crypto");
  return createHash("sha256").update(data).digest("hex");
}
