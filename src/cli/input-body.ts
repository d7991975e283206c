import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename, extname, resolve } from "node:path";
import { TextDecoder } from "node:util";
import type { Agent } from "../core/agent.ts";
import { shown, usage } from "./arguments.ts";

/** What a turn may be asked beside its prompt. */
export interface AskOptions {
  readonly model?: string;
  readonly permissionMode?: string;
  readonly cwd?: string;
  readonly attach?: readonly string[];
}

/**
 * The body of an input. Files go with it as bytes: whoever takes it need not see this machine's.
 * @throws usage for what the agent would not heed, and for a file that it could not be given
 */
export function inputBody(agent: Agent, prompt: string, options: AskOptions): string {
  const { model, permissionMode, cwd, attach = [] } = options;
  refuseUnheeded(agent, options);
  return JSON.stringify({
    prompt,
    ...(model !== undefined && { model }),
    ...(permissionMode !== undefined && { permissionMode }),
    ...(cwd !== undefined && { cwd: folderAt(cwd) }),
    ...(attach.length > 0 && { attachments: attachmentsOf(attach) }),
  });
}

function refuseUnheeded({ name, provider }: Agent, options: AskOptions): void {
  if (provider === "claude-code") return;
  const [option] =
    Object.entries({
      "--model": options.model,
      "--permission-mode": options.permissionMode,
      "--cwd": options.cwd,
      "--attach": options.attach,
    }).find(([, value]) => value !== undefined) ?? [];
  if (option === undefined) return;
  throw usage(`${option} means nothing to the agent ${name}.`, "Leave it out, or name --agent claude.");
}

function folderAt(path: string): string {
  const folder = resolve(path);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw usage(`--cwd names no folder: ${shown(path)}.`, "Name the folder to work in.");
}

interface Attachment {
  readonly name: string;
  readonly mediaType: string;
  /** In base64. */
  readonly data: string;
}

function attachmentsOf(paths: readonly string[]): readonly Attachment[] {
  let left = mostBytes;
  return paths.map((path) => {
    const bytes = bytesOf(path, left + 1);
    left -= bytes.length;
    if (left < 0)
      throw usage(
        `--attach is more than ${mostBytes / 1_000_000} MB with ${shown(path)}.`,
        "Attach less: the agent can read files of its own folder.",
      );
    return { name: basename(path), mediaType: mediaTypeOf(path, bytes), data: bytes.toString("base64") };
  });
}

/** A device has no end, and a pipe no size: no more is read than can be used. */
function bytesOf(path: string, mostBytes: number): Buffer {
  try {
    const file = openSync(path, "r");
    try {
      return readUpTo(file, mostBytes);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    throw usage(`--attach cannot be read (${code}): ${shown(path)}.`, "Name a file.");
  }
}

function readUpTo(file: number, mostBytes: number): Buffer {
  const pieces: Buffer[] = [];
  for (let left = mostBytes; left > 0;) {
    const piece = Buffer.alloc(Math.min(left, 65_536));
    const count = readSync(file, piece);
    if (count === 0) break;
    pieces.push(piece.subarray(0, count));
    left -= count;
  }
  return Buffer.concat(pieces);
}

function mediaTypeOf(path: string, bytes: Buffer): string {
  const known = mediaTypes[extname(path).toLowerCase()];
  if (known !== undefined) return known;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return "text/plain";
  } catch {}
  throw usage(
    `--attach is neither an image, a PDF nor text: ${shown(path)}.`,
    "Attach PNG, JPEG, GIF, WebP, PDF or UTF-8 text.",
  );
}

/** What a request to the provider can hold, in base64. */
const mostBytes = 20_000_000;
const mediaTypes: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
  ".pdf": "application/pdf",
};
