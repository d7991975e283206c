import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { basename, extname, resolve } from "node:path";
import { HoldfastError } from "../../../core/errors.ts";
import type { ImageType, SdkBlock, SdkBytes } from "./sdk-contract.ts";
import type { Attachment, TurnRequest } from "./turn-request.ts";

/** What a prompt is for the model: its text, or that with files before it. */
export type PromptContent = string | SdkBlock[];

/** Reads a prompt's files. @throws invalid_input where one cannot be read, is too large, or is nothing that a model can read */
export async function promptContent(
  { prompt, attachments }: Pick<TurnRequest, "prompt" | "attachments">,
  cwd: string,
): Promise<PromptContent> {
  if (attachments.length === 0) return prompt;
  const blocks: SdkBlock[] = [];
  let left = mostBytes;
  for (const [index, attachment] of attachments.entries()) {
    const name = nameOf(attachment, index);
    const bytes = await bytesOf(attachment, { name, cwd });
    if ((left -= bytes.length) < 0) throw refused(name, `makes them more than ${mostBytes} bytes together`);
    blocks.push(blockOf({ name, bytes, mediaType: attachment.mediaType ?? typeOf(attachment, bytes) }));
  }
  return prompt === "" ? blocks : [...blocks, { type: "text", text: prompt }];
}

// A request of the Messages API has at most 32 MB, in base64.
const mostBytes = 22_000_000;
const mostImageBytes = 3_750_000;
const mostTextBytes = 2_000_000;

function nameOf({ name, path }: Attachment, index: number): string {
  return name ?? (path === undefined ? `attachment ${index + 1}` : basename(path));
}

interface NamedBytes {
  readonly name: string;
  readonly bytes: Buffer;
  readonly mediaType: string;
}

async function bytesOf(
  { path, data = "" }: Attachment,
  { name, cwd }: { readonly name: string; readonly cwd: string },
): Promise<Buffer> {
  if (path === undefined) {
    const bytes = Buffer.from(data, "base64");
    // Buffer passes over what is no base64.
    if (bytes.toString("base64").replace(/=+$/, "") !== data.replace(/\s/g, "").replace(/=+$/, ""))
      throw refused(name, "is not in base64");
    return bytes;
  }
  try {
    // A pipe without a writer would hold the turn for ever.
    await using file = await open(resolve(cwd, path), constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const state = await file.stat();
    if (!state.isFile()) throw refused(name, "is no regular file");
    if (state.size > mostBytes) throw refused(name, `has more than ${mostBytes} bytes`);
    return await file.readFile();
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw refused(name, `cannot be read (${error instanceof Error ? error.message : String(error)})`, error);
  }
}

function blockOf({ name, bytes, mediaType }: NamedBytes): SdkBlock {
  if (isImageType(mediaType)) {
    if (bytes.length > mostImageBytes) throw refused(name, `has more than ${mostImageBytes} bytes`);
    return { type: "image", source: base64(mediaType, bytes) };
  }
  if (mediaType === "application/pdf")
    return { type: "document", source: base64(mediaType, bytes), title: name };
  if (!isTextType(mediaType))
    throw refused(name, `is of the type ${mediaType}, which is no image, PDF or text`);
  if (bytes.length > mostTextBytes) throw refused(name, `has more than ${mostTextBytes} bytes`);
  return {
    type: "document",
    source: { type: "text", media_type: "text/plain", data: textIn(name, bytes) },
    title: name,
  };
}

const imageTypes: readonly ImageType[] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

function isImageType(mediaType: string): mediaType is ImageType {
  return imageTypes.some((type) => type === mediaType);
}

function isTextType(mediaType: string): boolean {
  return /^text\/|^application\/(?:json|xml|yaml|toml|javascript|x-sh)$|\+(?:json|xml)$/.test(mediaType);
}

function base64<MediaType extends string>(media_type: MediaType, bytes: Buffer): SdkBytes<MediaType> {
  return { type: "base64", media_type, data: bytes.toString("base64") };
}

function textIn(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw refused(name, "is no UTF-8 text", cause);
  }
}

/** By the first bytes, which do not lie; else by the name, and without one it is text. */
function typeOf({ name, path = name }: Attachment, bytes: Buffer): string {
  const head = bytes.toString("latin1", 0, 12);
  const magic = magics.find(([pattern]) => pattern.test(head));
  if (magic !== undefined) return magic[1];
  const suffix = path === undefined ? "" : extname(path).toLowerCase();
  return types.get(suffix) ?? (bytes.includes(0) ? "application/octet-stream" : "text/plain");
}

const magics: readonly (readonly [RegExp, string])[] = [
  [/^\x89PNG\r\n/, "image/png"],
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^GIF8[79]a/, "image/gif"],
  [/^RIFF[^]{4}WEBP/, "image/webp"],
  [/^%PDF-/, "application/pdf"],
];

const types: ReadonlyMap<string, string> = new Map([
  [".json", "application/json"],
  [".xml", "application/xml"],
  [".md", "text/markdown"],
]);

function refused(name: string, why: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "invalid_input",
    message: `The ${name.startsWith("attachment ") ? name : `attachment ${name}`} ${why}.`,
    next: "Correct the input's attachments, and admit it under another key.",
    data: { attachment: name },
    ...(cause !== undefined && { cause }),
  });
}
