import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { fieldsOf, objectIn, textOf } from "../../core/json.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Sha256State } from "./resumable-sha256.ts";

/** How far a session's transcript was taken, and as what it is stored. */
export interface TextState {
  /** Of the rules that redacted it. */
  readonly fingerprint: string;
  /** Another one whenever the transcript was taken anew: what was made of an earlier one is not relied upon. */
  readonly generation: string;
  readonly rawBytes: number;
  /** CRC-32 of those bytes. */
  readonly rawCrc: number;
  readonly chunks: readonly StoredChunk[];
  /** Of the redacted text, chunks joined with `\n`. */
  readonly sha256: Sha256State;
  readonly assets: readonly StoredAsset[];
}

export interface StoredChunk {
  readonly id: ObjectId;
  readonly bytes: number;
  readonly lines: number;
}

export interface StoredAsset {
  readonly name: string;
  readonly mediaType: string;
  readonly size: number;
  readonly sha256: string;
  readonly id: ObjectId;
}

/** Reads a state; undefined where there is none that can be trusted: then all is taken anew. */
export async function readState(path: string): Promise<TextState | undefined> {
  const text = await readBounded(path);
  const fields = text === undefined ? undefined : objectIn(text);
  return fields?.["version"] === version && isState(fields) ? (fields as unknown as TextState) : undefined;
}

/** Replaces a state whole or not at all. */
export async function writeState(path: string, state: TextState): Promise<void> {
  await replaceFile(path, JSON.stringify({ version, ...state }));
}

/** Puts a file of ours in its place, for this user alone; two writers leave one whole file of either. */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomBytes(8).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** A file of ours as text; undefined where it cannot be read or is larger than ours ever are. */
async function readBounded(path: string, maxBytes = maxStateBytes): Promise<string | undefined> {
  try {
    const file = await open(path, "r");
    try {
      const stat = await file.stat();
      return stat.isFile() && stat.size <= maxBytes ? await file.readFile("utf8") : undefined;
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

const version = 1;
const maxStateBytes = 8 << 20;

function isState(fields: Readonly<Record<string, unknown>>): boolean {
  const [sha, { chunks, assets }] = [fieldsOf(fields["sha256"]), fields];
  return (
    textOf(fields["fingerprint"]) !== undefined &&
    textOf(fields["generation"]) !== undefined &&
    [fields["rawBytes"], fields["rawCrc"], sha?.["length"]].every(isCount) &&
    Array.isArray(sha?.["words"]) &&
    sha["words"].length === 8 &&
    textOf(sha["rest"]) !== undefined &&
    listOf(chunks, (chunk) => isId(chunk["id"]) && isCount(chunk["bytes"]) && isCount(chunk["lines"])) &&
    listOf(assets, (asset) => isId(asset["id"]) && textOf(asset["name"]) !== undefined)
  );
}

function listOf(value: unknown, fits: (item: Readonly<Record<string, unknown>>) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => fits(fieldsOf(item) ?? {}));
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isId(value: unknown): boolean {
  return typeof value === "string" && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value);
}
