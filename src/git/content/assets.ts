import { createHash } from "node:crypto";

/** A picture that was moved out of a transcript (section 2). */
export interface Asset {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** What stands in a transcript where a picture was, before the asset's name. */
export const assetPlaceholder = "entire-asset:assets/";

/** Moves the pictures of one line of JSON out of it; a line without any is given back as it is. */
export function moveAssets(line: string, keep: (asset: Asset) => void): string {
  if (line.length < minLength) return line;
  let result = "";
  let copied = 0;
  for (const head of line.matchAll(pictureHead)) {
    const from = head.index + head[0].length;
    // A picture of many megabytes is too long for a regex.
    const to = line.indexOf('"', from);
    if (head.index < copied || to - from < minLength) continue;
    const asset = assetOf(head[1], line.slice(from, to));
    if (asset === undefined) continue;
    keep(asset);
    result += `${line.slice(copied, from)}${assetPlaceholder}${asset.name}`;
    copied = to;
  }
  return copied === 0 ? line : result + line.slice(copied);
}

/** Puts pictures back where they stood; one that is not known stays away. */
export function restoreAssets(line: string, bytesOf: (name: string) => Buffer | undefined): string {
  if (!line.includes(assetPlaceholder)) return line;
  return line.replace(placed, (whole, prefix: string | undefined, name: string) => {
    const bytes = bytesOf(name);
    return bytes === undefined ? whole : `"${prefix ?? ""}${bytes.toString("base64")}"`;
  });
}

/** Whether a string, as JSON has it, is nothing but where one of these assets was. A type that is none of ours may hide something. */
export function isPlaceholder(literal: string, assets: ReadonlyMap<string, Asset>): boolean {
  const [, name] = placeholder.exec(literal) ?? [];
  return name !== undefined && assets.has(name);
}

/** The names of the assets that a stored text refers to. */
export function assetNamesIn(text: string): readonly string[] {
  if (!text.includes(assetPlaceholder)) return [];
  return Array.from(text.matchAll(placed), ([, , name]) => name!);
}

/** What `assets/manifest.json` lists (section 2). */
export function manifestOf(
  assets: readonly {
    readonly name: string;
    readonly mediaType: string;
    readonly size: number;
    readonly sha256: string;
  }[],
): string {
  const listed = assets.map(({ name, mediaType, size, sha256 }) => ({
    name,
    media_type: mediaType,
    size,
    sha256,
  }));
  return `${JSON.stringify({ version: 1, assets: listed }, undefined, 2)}\n`;
}

/** True for a name that an asset can have: nothing else is taken from a repository. */
export function isAssetName(name: string): boolean {
  return /^[\w-][\w.-]{0,127}$/.test(name);
}

// A picture of a few bytes costs less where it is.
const minLength = 200;
const pictureHead = /"(data:image\/[\w.+-]{1,40};base64,)?(?=iVBORw0KGgo|\/9j\/|R0lGOD|UklGR|Qk0)/g;
const placed = new RegExp(
  `"(data:image/[\\w.+-]{1,40};base64,)?${assetPlaceholder}([\\w-][\\w.-]{0,127})"`,
  "g",
);

const placeholder = new RegExp(
  `^"(?:data:image/(?:png|jpe?g|gif|webp|bmp);base64,)?${assetPlaceholder}([\\w-][\\w.-]{0,127})"$`,
);

const kinds = [
  { start: "iVBORw0KGgo", extension: "png", mediaType: "image/png" },
  { start: "/9j/", extension: "jpg", mediaType: "image/jpeg" },
  { start: "R0lGOD", extension: "gif", mediaType: "image/gif" },
  { start: "UklGR", extension: "webp", mediaType: "image/webp" },
  { start: "Qk0", extension: "bmp", mediaType: "image/bmp" },
];

function assetOf(prefix: string | undefined, encoded: string): Asset | undefined {
  const bytes = Buffer.from(encoded, "base64");
  // What would not come back byte for byte stays.
  if (bytes.toString("base64") !== encoded) return undefined;
  const kind = kinds.find(({ start }) => encoded.startsWith(start))!;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const mediaType = /^data:([^;]+);/.exec(prefix ?? "")?.[1] ?? kind.mediaType;
  return { name: `${sha256.slice(0, 32)}.${kind.extension}`, mediaType, bytes, sha256 };
}
