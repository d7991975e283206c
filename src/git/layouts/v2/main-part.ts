import type { CheckpointInput } from "../../checkpoint-store.ts";
import { chunkIndex } from "../../format/chunks.ts";
import { metadataLimits, parseObject } from "../../format/parse-json.ts";
import { RawObject } from "../../format/raw-json.ts";
import { slotOfPath } from "../../format/slots.ts";
import { objectText } from "../../format/write-json.ts";
import { invalidObject } from "../../plumbing/invalid-object.ts";
import type { ObjectBatch, ObjectId, TreeEntry } from "../../plumbing/objects.ts";
import type { CheckpointTree } from "../checkpoint-tree.ts";
import { FolderEdit } from "../slot-tree.ts";
import type { Profile } from "./profile.ts";
import type { Scratch } from "./scratch.ts";
import { folderOf } from "./sharded-tree.ts";
import { toMain, toSeedMain } from "./start-keys.ts";

/** What main has of a checkpoint that was built as a whole: all but the raw transcripts, images and tasks (section 6.2). */
export async function mainPart(params: {
  readonly scratch: Scratch;
  readonly batch: ObjectBatch;
  readonly built: CheckpointTree;
  /** Its folder on main as it is stored. */
  readonly stored: ObjectId | undefined;
  readonly input: CheckpointInput;
  readonly prefix: string;
  readonly profile: Profile;
}): Promise<ObjectId> {
  const { scratch, batch, built, stored, input, profile } = params;
  const whole = await folderOf(scratch, built.tree);
  const top = await folderOf(scratch, stored);
  const files = new Map<number, ReadonlySet<string>>();
  for (const session of input.sessions) {
    const slot = built.slots.get(session.sessionId)!;
    const before = await folderOf(scratch, top.folder(String(slot)));
    const part = await slotPart(params, {
      slot: await folderOf(scratch, whole.folder(String(slot))),
      before,
      session,
    });
    top.put(String(slot), batch.tree(part.entries), "40000");
    files.set(slot, new Set(part.entries.map(({ name }) => name)));
  }
  top.putAll(input.others ?? []);
  const root = await jsonIn(scratch, whole, "metadata.json");
  const paths = profile === "seed" ? root : withPaths(root, files, params.prefix);
  top.put("metadata.json", batch.blob(Buffer.from(objectText(paths))));
  return batch.tree(top.entries);
}

type SlotParams = {
  readonly slot: FolderEdit;
  readonly before: FolderEdit;
  readonly session: CheckpointInput["sessions"][number];
};

async function slotPart(
  { scratch, batch, profile }: Parameters<typeof mainPart>[0],
  { slot, before, session }: SlotParams,
): Promise<FolderEdit> {
  const part = new FolderEdit(
    slot.entries.filter(({ name }) => isOfMain(name)).map((entry) => scratch.keep(entry, batch)),
  );
  const metadata = await jsonIn(scratch, slot, "metadata.json");
  const own = profile === "seed" ? toSeedMain(metadata) : toMain(metadata);
  part.put("metadata.json", batch.blob(Buffer.from(objectText(own))));
  if (profile === "seed") part.remove("transcript.jsonl");
  if (session.compact !== undefined && profile !== "seed")
    part.put("transcript_hash.txt", batch.blob(Buffer.from(session.compact.hash)));
  if (!part.has("transcript.jsonl")) part.remove("transcript_hash.txt");
  // The first writers kept the raw hash here.
  const old = before.entries.find(({ name }) => name === "content_hash.txt");
  if (old !== undefined && session.transcript === undefined) part.put(old.name, old.id);
  return part;
}

function isOfMain(name: string): boolean {
  return name !== "assets" && name !== "content_hash.txt" && chunkIndex("full.jsonl", name) === undefined;
}

async function jsonIn(scratch: Scratch, folder: FolderEdit, name: string): Promise<RawObject> {
  const file = folder.entries.find((entry: TreeEntry) => entry.name === name);
  const bytes = file === undefined ? null : await scratch.blob(file.id, metadataLimits);
  if (bytes === null) throw invalidObject(`The file ${name} of a checkpoint is not in the repository`);
  return parseObject(bytes);
}

// On main `transcript` and `content_hash` name the compact transcript, and are absent without one.
function withPaths(
  root: RawObject,
  files: ReadonlyMap<number, ReadonlySet<string>>,
  prefix: string,
): RawObject {
  const entries = root.list("sessions").map((entry) => {
    if (!(entry instanceof RawObject)) return entry;
    const slot = slotOfPath(entry.text("metadata") ?? "");
    const names = slot === undefined ? undefined : files.get(slot);
    if (names === undefined) return entry;
    const named = Object.entries(pathFiles).filter(([, file]) => names.has(file));
    return named.reduce(
      (paths, [key, file]) => paths.with(key, `${prefix}/${slot}/${file}`, Object.keys(pathFiles)),
      entry.without(["transcript", "compact_transcript", "content_hash", "prompt", "assets_manifest"]),
    );
  });
  return root.with("sessions", entries);
}

const pathFiles = {
  metadata: "metadata.json",
  transcript: "transcript.jsonl",
  content_hash: "transcript_hash.txt",
  prompt: "prompt.txt",
};
