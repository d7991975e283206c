/**
 * A uuid made of texts alone: the same texts give the same uuid in every process. It tells one thing from another; it
 * is no protection against forgery.
 */
export function derivedUuid(...parts: readonly string[]): string {
  let hash = offset;
  const text = JSON.stringify(parts);
  for (let at = 0; at < text.length; at += 1) {
    hash = ((hash ^ BigInt(text.charCodeAt(at))) * prime) & mask;
  }
  const hex = hash.toString(16).padStart(32, "0");
  // Version 8 is the one whose bits are its maker's own; the variant is that of RFC 9562.
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20),
  ].join("-");
}

// FNV-1a of 128 bits.
const offset = 0x6c62272e07bb014262b821756295c58dn;
const prime = 0x0000000001000000000000000000013bn;
const mask = (1n << 128n) - 1n;
