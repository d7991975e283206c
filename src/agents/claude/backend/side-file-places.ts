import type { Dirent, Stats } from "node:fs";
import { existsSync, readdirSync, statSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readTail } from "./transcript-tail.ts";

/** One session of the SDK as it lies in a config folder. */
export interface SessionOnDisk {
  readonly folder: string;
  readonly sessionId: string;
}

/** A file that belongs to a session. */
export interface FoundFile {
  /** Its name in the session: the area, then the way from there. */
  readonly path: string;
  readonly at: string;
  readonly isRegular: boolean;
}

/** Takes what could not be looked into, and why. */
export type OnFault = (path: string, error: unknown) => void;

/** Finds what lies beside a session's transcripts: outputs of tools, the plan, tasks and file history. */
export async function* filesBeside(session: SessionOnDisk, onFault: OnFault): AsyncGenerator<FoundFile> {
  const { folder, sessionId } = session;
  const transcripts = mainTranscripts(session, onFault);
  for (const projectKey of transcripts.map(projectKeyOf)) {
    const root = join(folder, "projects", projectKey, sessionId);
    yield* filesBelow(root, "session", ({ name }) => name !== "subagents");
  }
  for (const area of ownAreas) yield* filesBelow(join(folder, area, sessionId), area);
  yield* plansOf(transcripts[0], join(folder, "plans"));
}

/** Where a file of the session goes in a config folder; undefined where nothing is known of its area. */
export function placeOf(
  path: string,
  session: SessionOnDisk,
  projectKey: string | undefined = mainTranscripts(session).map(projectKeyOf)[0],
): string | undefined {
  const { folder, sessionId } = session;
  const [area = "", ...names] = path.split("/");
  if (names.length === 0) return undefined;
  if (area === "plans") return join(folder, area, ...names);
  if (ownAreas.includes(area)) return join(folder, area, sessionId, ...names);
  if (area !== "session" || projectKey === undefined) return undefined;
  return join(folder, "projects", projectKey, sessionId, ...names);
}

/** The session's main transcripts in the folder, the newest first: one that went on in another folder has two. */
export function mainTranscripts(
  { folder, sessionId }: SessionOnDisk,
  onFault: OnFault = () => undefined,
): string[] {
  // Not globSync, which takes twenty times as long where there are many projects.
  return namesIn(join(folder, "projects"), onFault)
    .map((projectKey) => join(folder, "projects", projectKey, `${sessionId}.jsonl`))
    .map((path) => ({ path, state: stateOf(path, onFault) }))
    .filter(({ state }) => state?.isFile())
    .toSorted((a, b) => b.state!.mtimeMs - a.state!.mtimeMs)
    .map(({ path }) => path);
}

/** Areas of which each session has a folder of its own. */
const ownAreas: readonly string[] = ["tasks", "file-history"];

function namesIn(folder: string, onFault: OnFault): string[] {
  try {
    const found = existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : [];
    return found.filter((entry) => !entry.isFile()).map(({ name }) => name);
  } catch (error) {
    onFault(folder, error);
    return [];
  }
}

// The folder may be another user's, or a link that leads to itself.
function stateOf(path: string, onFault: OnFault): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    onFault(dirname(path), error);
    return undefined;
  }
}

function projectKeyOf(transcript: string): string {
  return basename(dirname(transcript));
}

// All sessions keep their plans in one folder, and the transcript's own lines name which is theirs.
async function* plansOf(transcript: string | undefined, plans: string): AsyncGenerator<FoundFile> {
  if (transcript === undefined || !existsSync(plans)) return;
  const slug = slugOf(transcript);
  if (slug === undefined) return;
  const isOurs = ({ name }: Dirent): boolean =>
    name === `${slug}.md` || (name.startsWith(`${slug}-agent-`) && name.endsWith(".md"));
  yield* filesBelow(plans, "plans", isOurs);
}

function slugOf(transcript: string): string | undefined {
  for (const { slug } of readTail(transcript))
    if (typeof slug === "string" && /^[\w-]{1,200}$/.test(slug)) return slug;
  return undefined;
}

async function* filesBelow(
  root: string,
  path: string,
  isWanted: (entry: Dirent) => boolean = () => true,
): AsyncGenerator<FoundFile> {
  // A link in the folder's place would lead out of the session.
  const state = await lstat(root).catch(() => undefined);
  if (state?.isDirectory() !== true) return;
  const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!isWanted(entry)) continue;
    const [at, name] = [join(root, entry.name), `${path}/${entry.name}`];
    // A link is a file that cannot be kept: where it leads is none of the session's.
    if (entry.isDirectory()) yield* filesBelow(at, name);
    else yield { path: name, at, isRegular: entry.isFile() };
  }
}
