import { lstat, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { SessionKey } from "../core/ids.ts";
import { scanInOrder } from "../core/reading-order.ts";
import type { Store } from "../core/store.ts";
import { usage } from "./arguments.ts";
import { isTranscript, metadataOf, metadataPath, transcriptPath } from "./claude-layout.ts";
import { toNewFile } from "./new-file.ts";

/** Where to write a session with its subagents, and what its text goes through. */
export interface FolderExport {
  readonly store: Store;
  readonly session: SessionKey;
  readonly folder: string;
  readonly force: boolean;
  readonly outgoing: (json: string) => string;
}

/** Writes every log of a session to a file of its own, as Claude Code lays them out; gives how many files. @throws usage */
export async function exportToFolder(params: FolderExport): Promise<number> {
  const { store, session, folder, force } = params;
  const logs = (await store.logs(session)).map(({ log }) => log).filter(isTranscript);
  const places = logs.map((log) => ({ log, path: transcriptPath(session.session, log) }));
  // All of them before the first is written: a session is written whole or refused whole.
  await checkFolder(folder);
  for (const { log, path } of places) {
    await checkPlace(folder, path, force);
    if (log !== "") await checkPlace(folder, metadataPath(path), force);
  }
  let files = 0;
  for (const place of places) files += await writeLog(params, place);
  return files;
}

interface Place {
  readonly log: string;
  readonly path: string;
}

async function writeLog({ store, session, folder, force, outgoing }: FolderExport, { log, path }: Place) {
  const transcript = join(folder, path);
  const { project, session: id } = session;
  // The last of them holds.
  let metadata: string | undefined;
  async function* lines(): AsyncGenerator<string> {
    for await (const bodies of scanInOrder(store, { project, session: id, log })) {
      const found = log === "" ? [] : bodies.map(metadataOf);
      metadata = found.findLast((text) => text !== undefined) ?? metadata;
      const kept = bodies.filter((_, at) => found[at] === undefined);
      if (kept.length > 0) yield outgoing(`${kept.join("\n")}\n`);
    }
  }
  await makeFolder(dirname(transcript));
  await toNewFile(transcript, force, lines());
  if (metadata === undefined) return 1;
  await toNewFile(metadataPath(transcript), force, [outgoing(metadata)]);
  return 2;
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined);
  if (found !== undefined && !found.isDirectory())
    throw usage(`${folder} is no folder.`, "Name a folder, or write the main transcript with --output.");
}

/** Refuses what is there, and a link on the way, which could lead out of the folder. */
async function checkPlace(folder: string, path: string, force: boolean): Promise<void> {
  const names = path.split("/");
  for (let length = 1; length <= names.length; length += 1) {
    const part = join(folder, ...names.slice(0, length));
    const found = await lstat(part).catch(() => undefined);
    if (found === undefined) return;
    const isLast = length === names.length;
    if (isLast ? !found.isFile() : !found.isDirectory())
      throw usage(`${part} is no ${isLast ? "regular file" : "folder"} of its own.`, "Name another folder.");
    if (isLast && !force)
      throw usage(`The file ${part} is there already.`, "Name another folder, or give --force.");
  }
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error)) throw error;
    throw usage(`The folder ${path} cannot be made (${String(error.code)}).`, "Name another.");
  }
}
