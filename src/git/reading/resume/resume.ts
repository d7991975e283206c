import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { link, lstat, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { HoldfastError } from "../../../core/errors.ts";
import { objectIn, textOf } from "../../../core/json.ts";
import { isAssetName, restoreAssets } from "../../content/assets.ts";
import { repositoryRedactor } from "../../flow/redaction-rules.ts";
import type { StoredSession } from "../../checkpoint-store.ts";
import type { ObjectReader } from "../../plumbing/objects.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { readOrNull } from "../checkpoint-facts.ts";
import { type ReadState, transcriptLines } from "../transcript-lines.ts";
import { type AgentFiles, agentFilesOf, type AgentHomes } from "./agent-files.ts";
import { compareLines } from "./compare-lines.ts";
import type { ResumableSession } from "./find-session.ts";

/** What became of a session's file. */
export interface Resumed {
  readonly checkpoint: string;
  readonly session: string;
  readonly agent: AgentFiles["agent"];
  readonly path: string;
  /** `there`: the file held all of it already, or more, and was not touched. */
  readonly outcome: "written" | "extended" | "there" | "replaced";
  /** Lines that were written. */
  readonly lines: number;
  /** Where the file that was replaced is kept. */
  readonly kept: string | null;
  readonly command: readonly string[];
}

export interface ResumeParams {
  readonly repository: Repository;
  readonly found: ResumableSession;
  readonly homes: AgentHomes;
  /** Where the agent will be started. */
  readonly folder: string;
  /** Replaces a file that differs, and keeps a copy of it. */
  readonly force: boolean;
  readonly nowMs: number;
}

/** Puts a session back as its agent's own file. A file that has more than the checkpoint stays. @throws resume_refused */
export async function resume({
  repository,
  found,
  homes,
  folder,
  force,
  nowMs,
}: ResumeParams): Promise<Resumed> {
  const { session, sessionId, agent, checkpoint } = found;
  const stored = await linesOf(repository.objects, found);
  const files = agentFilesOf({ firstLines: stored.slice(0, 50), sessionId, agent, folder, homes });
  const withAssets = await restored(repository.objects, session, stored);
  const lines = rewriteFolder(withAssets, folder);
  const told = {
    checkpoint,
    session: files.session,
    agent: files.agent,
    path: files.path,
    command: files.command,
  };
  const own = await ownLines(files.path);
  if (own === null) {
    await writeNew(files.path, textOfLines(lines));
    return { ...told, outcome: "written", lines: lines.length, kept: null };
  }
  const compared = compareLines(own.lines, lines, await repositoryRedactor(repository));
  if (compared.kind === "complete") return { ...told, outcome: "there", lines: 0, kept: null };
  if (compared.kind === "behind") {
    const rest = lines.slice(compared.from);
    await replace(files.path, extended(own.bytes, textOfLines(rest)), own.size);
    return { ...told, outcome: "extended", lines: rest.length, kept: null };
  }
  if (!force) throw diverged(files.path, compared.line);
  const kept = await keepCopy(files.path, nowMs);
  await replace(files.path, textOfLines(lines), own.size);
  return { ...told, outcome: "replaced", lines: lines.length, kept };
}

const maxOwnBytes = 1024 * 1024 * 1024;
const maxAssetBytes = 64 * 1024 * 1024;
const maxAssets = 1000;

async function linesOf(objects: ObjectReader, { session, checkpoint }: ResumableSession): Promise<string[]> {
  const state: ReadState = { missing: 0, isCut: false };
  const lines: string[] = [];
  for await (const more of transcriptLines(objects, session.transcript, state))
    for (const line of more) lines.push(line);
  if (lines.length > 0 && state.missing === 0 && !state.isCut) return lines;
  throw new HoldfastError({
    code: "resume_refused",
    message: `The checkpoint ${checkpoint} does not hold the whole transcript of this session here.`,
    next: `If it was pushed, bring it with: holdfast git fetch ${checkpoint}`,
    data: { checkpoint },
  });
}

async function restored(
  objects: ObjectReader,
  { assets }: StoredSession,
  lines: readonly string[],
): Promise<readonly string[]> {
  const bytes = new Map<string, Buffer>();
  for (const { name, id } of assets.slice(0, maxAssets)) {
    const content = isAssetName(name) ? await readOrNull(objects, id, maxAssetBytes) : null;
    if (content !== null) bytes.set(name, content);
  }
  return bytes.size === 0 ? lines : lines.map((line) => restoreAssets(line, (name) => bytes.get(name)));
}

/** The lines with this machine's folder where the session's own began: agents name it in each line. */
function rewriteFolder(lines: readonly string[], folder: string): readonly string[] {
  const before = lines
    .slice(0, 1000)
    .map(folderIn)
    .find((path) => path !== undefined);
  if (before === undefined || before === folder) return lines;
  // Both spellings of separators are other machines' too.
  const [from, to] = [JSON.stringify(before).slice(1, -1), JSON.stringify(folder).slice(1, -1)];
  return lines.map((line) => {
    const at = line.indexOf(`"cwd":"${from}`);
    if (at === -1) return line;
    const end = at + `"cwd":"${from}`.length;
    return /^(?:"|\/|\\\\)/.test(line.slice(end, end + 2))
      ? `${line.slice(0, at)}"cwd":"${to}${line.slice(end)}`
      : line;
  });
}

function folderIn(line: string): string | undefined {
  if (!line.includes('"cwd":"')) return undefined;
  const fields = objectIn(line) ?? {};
  const payload = fields["payload"];
  const told =
    textOf(fields["cwd"]) ??
    (typeof payload === "object" && payload !== null && "cwd" in payload ? textOf(payload.cwd) : undefined);
  return told === "" ? undefined : told;
}

async function ownLines(
  path: string,
): Promise<{ readonly lines: readonly string[]; readonly bytes: Buffer; readonly size: number } | null> {
  const stat = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (stat === null) return null;
  if (!stat.isFile() || stat.size > maxOwnBytes)
    throw new HoldfastError({
      code: "resume_refused",
      message: `${path} is ${stat.isFile() ? `a file of ${stat.size} bytes` : "no regular file"}, and is not touched.`,
      next: "Move it away and try again.",
    });
  const bytes = await readFile(path);
  const lines = bytes.toString("utf8").split("\n");
  return { lines: lines.filter((line) => line !== ""), bytes, size: stat.size };
}

/** What the agent wrote stays as it is, byte by byte: it need not be UTF-8, nor what a reader would write. */
function extended(bytes: Buffer, text: string): Buffer {
  const isOpen = bytes.length > 0 && bytes.at(-1) !== 0x0a;
  return Buffer.concat([bytes, Buffer.from(isOpen ? `\n${text}` : text)]);
}

async function writeNew(path: string, text: string): Promise<void> {
  const temporary = await writeTemporary(path, text);
  try {
    // Fails where another process has made the file meanwhile.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw changedMeanwhile(path);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function replace(path: string, text: string | Buffer, expectedSize: number): Promise<void> {
  const temporary = await writeTemporary(path, text);
  try {
    // The agent may be writing it: what it added since must not be lost.
    if ((await lstat(path)).size !== expectedSize) throw changedMeanwhile(path);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writeTemporary(path: string, text: string | Buffer): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  const file = await open(temporary, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  return temporary;
}

/** A second name, which the agent does not take for a session. */
async function keepCopy(path: string, nowMs: number): Promise<string> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  for (let count = 0; ; count += 1) {
    const kept = `${path}.${time}${count === 0 ? "" : `-${count}`}.kept`;
    try {
      await link(path, kept);
      return kept;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function textOfLines(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function diverged(path: string, line: number): HoldfastError {
  return new HoldfastError({
    code: "resume_refused",
    message: `The session's file ${path} went another way than the checkpoint from line ${line + 1} on.`,
    next: "Give --force to replace it; a copy of it is kept.",
    data: { path, line: line + 1 },
  });
}

function changedMeanwhile(path: string): HoldfastError {
  return new HoldfastError({
    code: "resume_refused",
    message: `${path} was written by another process meanwhile.`,
    next: "End the agent that uses the session, and try again.",
  });
}
