/**
 * Takes out of one line of a transcript what its agent alone can read: the encrypted reasoning of Codex (section 10).
 * Every other byte stays.
 */
export function sanitiseLine(line: string): string {
  return line.includes(encryptedKey) ? line.replace(encrypted, "$1null") : line;
}

const encryptedKey = '"encrypted_content"';
// A quote within a text is escaped, so that no text is taken for the key.
const encrypted = /("encrypted_content"\s*:\s*)"[^"\\]*"/g;
