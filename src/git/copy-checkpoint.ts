import { HoldfastError } from "../core/errors.ts";
import type {
  CheckpointInput,
  SessionInput,
  StoredCheckpoint,
  StoredSession,
  StoredTask,
  StoredText,
  TaskInput,
} from "./checkpoint-store.ts";
import { currentSlots } from "./current-slots.ts";
import { agentFiles } from "./format/agent-files.ts";
import { ContentHasher, isContentHash } from "./format/hash.ts";
import { promptSeparator } from "./layouts/slot-tree.ts";
import { faultOf } from "./layouts/object-fault.ts";
import type { ObjectId, ObjectReader } from "./plumbing/objects.ts";

/**
 * A stored checkpoint as one to write into another layout: the same blobs, and every record and unknown file as it is.
 * Sessions that have two slots come once, those without an id not at all. @throws checkpoint_damaged where a blob or a
 * piece of a transcript is missing or cannot be read: the copy would look whole
 */
export async function inputOfStored(
  objects: ObjectReader,
  stored: StoredCheckpoint,
): Promise<CheckpointInput> {
  checkReadable(stored);
  const current = currentSlots(stored.sessions);
  const blobs = new Blobs(objects, stored.id);
  const sessions: SessionInput[] = [];
  for (const session of stored.sessions.filter(({ slot }) => current.has(slot)))
    sessions.push(await inputOfSession(blobs, session));
  const tasks: TaskInput[] = [];
  for (const task of stored.tasks) tasks.push(...(await inputsOfTask(blobs, task)));
  return {
    id: stored.id,
    strategy: stored.root.text("strategy") ?? "manual-commit",
    cliVersion: stored.root.text("cli_version") ?? "",
    record: stored.root,
    sessions,
    tasks,
    others: stored.others,
  };
}

const maxPromptBytes = 64 * 1024 * 1024;
const maxBlobBytes = 256 * 1024 * 1024;

class Blobs {
  readonly #objects: ObjectReader;
  readonly #id: string;

  constructor(objects: ObjectReader, id: string) {
    this.#objects = objects;
    this.#id = id;
  }

  async text(ids: readonly ObjectId[], hash?: string): Promise<StoredText | undefined> {
    if (ids.length === 0) return undefined;
    const chunks = await Promise.all(ids.map(async (id) => ({ id, bytes: await this.#bytesOf(id) })));
    return { chunks, hash: hash !== undefined && isContentHash(hash) ? hash : await this.#hashOf(ids) };
  }

  async read(id: ObjectId, maxBytes: number): Promise<Buffer> {
    return await this.#there(id, this.#objects.blob(id, { maxBytes }));
  }

  async #hashOf(ids: readonly ObjectId[]): Promise<string> {
    const hasher = new ContentHasher();
    for (const id of ids) hasher.chunk(await this.read(id, maxBlobBytes));
    return hasher.hash();
  }

  async #bytesOf(id: ObjectId): Promise<number> {
    return (await this.#there(id, this.#objects.header(id))).size;
  }

  async #there<Value>(blob: ObjectId, reading: Promise<Value | null>): Promise<Value> {
    try {
      const read = await reading;
      if (read !== null) return read;
    } catch (error) {
      const fault = faultOf(error);
      if (fault === undefined) throw error;
      throw uncopied(this.#id, `its blob ${blob} cannot be read`, error);
    }
    throw uncopied(this.#id, `its blob ${blob} is not in the repository`);
  }
}

// Hashes are made anew; a record that cannot be read would come over as an empty one.
function checkReadable({ id, findings }: StoredCheckpoint): void {
  const fault = findings.find(
    ({ code, where }) =>
      code === "chunk_missing" ||
      ((code === "object_missing" || code === "object_damaged") && !where.endsWith("_hash.txt")),
  );
  if (fault === undefined) return;
  // What is of the checkpoint's own folder is nowhere in it.
  const where = fault.where === "" ? "" : `${fault.where}: `;
  throw uncopied(id, `${where}${fault.sentence.replace(/\.$/, "")}`);
}

function uncopied(id: string, fault: string, cause?: unknown): HoldfastError {
  return new HoldfastError({
    code: "checkpoint_damaged",
    message: `The checkpoint ${id} cannot be copied: ${fault}.`,
    next: "Fetch it from where it was pushed to, then run `holdfast git repair`.",
    data: { id },
    cause,
  });
}

async function inputOfSession(blobs: Blobs, session: StoredSession): Promise<SessionInput> {
  const { sessionId = "", metadata, prompt, hash, assets, others } = session;
  const transcript = await blobs.text(session.transcript, hash);
  const compact = await blobs.text(session.compact === undefined ? [] : [session.compact]);
  const manifest = assets.find(({ name }) => name === "manifest.json");
  const files = assets.filter((file) => file !== manifest);
  const prompts = prompt === undefined ? [] : promptsIn(await blobs.read(prompt, maxPromptBytes));
  return {
    sessionId,
    metadata: {},
    record: metadata,
    prompts,
    ...(transcript === undefined ? {} : { transcript }),
    ...(compact === undefined ? {} : { compact }),
    ...(assets.length === 0
      ? {}
      : { assets: { ...(manifest === undefined ? {} : { manifest: manifest.id }), files } }),
    others,
  };
}

async function inputsOfTask(
  blobs: Blobs,
  { toolUseId, task, transcripts, others }: StoredTask,
): Promise<TaskInput[]> {
  const agents = agentFiles(transcripts);
  const fields = task.fields();
  if (agents.length === 0) return [{ toolUseId, task: fields, others }];
  const inputs: TaskInput[] = [];
  for (const { agentId, chunks } of agents) {
    const transcript = await blobs.text(chunks);
    const known = { toolUseId, task: fields, agentId, others };
    inputs.push({ ...known, ...(transcript === undefined ? {} : { transcript }) });
  }
  return inputs;
}

function promptsIn(text: Buffer): string[] {
  return text.toString().split(promptSeparator);
}
