/** Makes control, escape and direction characters visible, so that text from a transcript cannot drive a terminal. */
export function harmless(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(dangerous, (char) => {
    const code = char.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** The same on one line. */
export function harmlessLine(text: string): string {
  return harmless(text.replace(/\s+/g, " ").trim());
}

/** Escapes in JSON text what `JSON.stringify` lets through; the value stays the same. */
export function harmlessJson(json: string): string {
  return json.replace(dangerousInJson, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

// C0 but tab and newline, DEL, C1, line separators, direction marks and overrides, halves of surrogate pairs.
const above = "\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069";
const loneHalf = "[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]";
const dangerous = new RegExp(`[\\u0000-\\u0008\\u000b-\\u001f${above}]|${loneHalf}`, "g");
const dangerousInJson = new RegExp(`[${above}]`, "g");
