import { existsSync, globSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { type ObjectLine, readLineAt, readTranscript } from "./transcript-lines.ts";

/** A file as it was when it was found. */
export interface FileState {
  readonly size: number;
  readonly mtimeMs: number;
}

/** One transcript file of Claude Code and the log that it belongs to. */
export interface TranscriptFile extends FileState {
  readonly path: string;
  readonly projectKey: string;
  readonly sessionId: string;
  readonly log: string;
  /** The file beside a subagent's transcript that tells what it was started for. */
  readonly metadata?: FileState;
}

/** The transcripts of a config folder, and sentences about what may be one and could not be looked at. */
export interface FoundTranscripts {
  readonly files: readonly TranscriptFile[];
  readonly problems: readonly string[];
}

/** Finds the transcripts below a config folder, or those of one session: `projects/<key>/<session>.jsonl` and their `<session>/subagents/`. */
export function findTranscripts(configDir: string, sessionId?: string): FoundTranscripts {
  return new Search(join(configDir, "projects"), sessionId).run();
}

/** A subagent's metadata as the entry that a mirror stores for it; what is wrong with the file goes to `problems`. */
export function readMetadata(
  file: TranscriptFile,
  problems: string[],
): Pick<ObjectLine, "body" | "entry"> | undefined {
  if (file.metadata === undefined) return undefined;
  const path = metadataPath(file.path);
  try {
    const body = metadataEntry(readFileSync(path));
    if (body !== undefined) return { body, entry: JSON.parse(body) as ObjectLine["entry"] };
    problems.push(`${path}: it is not a JSON object in UTF-8 and was left out.`);
  } catch (error) {
    problems.push(`${path}: ${messageOf(error)}`);
  }
  return undefined;
}

/** The folders that a killed host left in the temporary folder, each a config folder of its own. */
export function findLeftovers(temporary: string, uid: number | undefined = process.getuid?.()): string[] {
  const found = globSync("claude-resume-*/projects", { cwd: temporary }).map((path) =>
    join(temporary, dirname(path)),
  );
  // Anyone may make a folder of that name there: another user's must not become part of our sessions.
  return found
    .filter((path) => uid === undefined || lstatSync(path, { throwIfNoEntry: false })?.uid === uid)
    .toSorted();
}

class Search {
  readonly #root: string;
  readonly #only: string | undefined;
  readonly #files: TranscriptFile[] = [];
  readonly #problems: string[] = [];
  readonly #followed = new Set<string>();

  constructor(root: string, only: string | undefined) {
    this.#root = root;
    this.#only = only;
  }

  run(): FoundTranscripts {
    for (const projectKey of this.#list([]).folders) {
      const { files, folders } = this.#list([projectKey]);
      for (const name of files.filter((file) => this.#isWanted(basename(file, ".jsonl"))))
        this.#takeMain(projectKey, name);
      for (const sessionId of folders.filter((folder) => this.#isWanted(folder)))
        this.#takeAgents(projectKey, sessionId, ["subagents"]);
    }
    return { files: this.#files, problems: this.#problems };
  }

  #isWanted(sessionId: string): boolean {
    return this.#only === undefined || sessionId === this.#only;
  }

  #takeMain(projectKey: string, name: string): void {
    const path = join(this.#root, projectKey, name);
    const state = this.#stateOf(path);
    if (state === undefined) return;
    const session = basename(name, ".jsonl");
    if (!session.startsWith("agent-"))
      return void this.#files.push({ path, projectKey, ...state, sessionId: session, log: "" });
    // Older versions kept a subagent's file beside the session's; only its lines say to whom it belongs.
    const sessionId = state.size === 0 ? undefined : this.#sessionOf(path);
    if (sessionId !== undefined)
      this.#files.push({ path, projectKey, ...state, sessionId, log: `subagents/${session}` });
  }

  #takeAgents(projectKey: string, sessionId: string, below: readonly string[]): void {
    const { files, folders } = this.#list([projectKey, sessionId, ...below]);
    for (const name of files) {
      const path = join(this.#root, projectKey, sessionId, ...below, name);
      const state = this.#stateOf(path);
      if (state === undefined) continue;
      const log = [...below, basename(name, ".jsonl")].join("/");
      const beside = existsSync(metadataPath(path)) ? this.#stateOf(metadataPath(path)) : undefined;
      const metadata = beside === undefined ? {} : { metadata: beside };
      this.#files.push({ path, projectKey, ...state, sessionId, log, ...metadata });
    }
    for (const name of folders) this.#takeAgents(projectKey, sessionId, [...below, name]);
  }

  /** The transcripts and folders in a folder; a folder that is not there has none. */
  #list(parts: readonly string[]): { readonly files: string[]; readonly folders: string[] } {
    const folder = join(this.#root, ...parts);
    const found = this.#attempt(folder, () => readdirSync(folder, { withFileTypes: true })) ?? [];
    const [files, folders]: [string[], string[]] = [[], []];
    for (const entry of found.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const isTranscript = entry.name.endsWith(".jsonl");
      if (entry.name.startsWith(".") || (entry.isFile() && !isTranscript)) continue;
      const path = join(folder, entry.name);
      const isNamed =
        !entry.name.includes("\ufffd") || lstatSync(path, { throwIfNoEntry: false }) !== undefined;
      if (!isNamed) this.#problems.push(`${path}: its name is not UTF-8, so it was left out: rename it.`);
      else if (entry.isFile()) files.push(entry.name);
      else if (entry.isDirectory()) folders.push(entry.name);
      else if (entry.isSymbolicLink()) {
        const kind = this.#attempt(path, () => this.#follow(path));
        if (kind === "folder") folders.push(entry.name);
        if (kind === "file" && isTranscript) files.push(entry.name);
      }
    }
    return { files, folders };
  }

  /** What a link leads to; undefined for what is found under its own name, so that nothing comes twice or for ever. */
  #follow(link: string): "file" | "folder" | undefined {
    const target = realpathSync(link);
    const state = statSync(target);
    if (state.isFile()) return dirname(target) === realpathSync(dirname(link)) ? undefined : "file";
    const isInside = `${target}${sep}`.startsWith(`${realpathSync(this.#root)}${sep}`);
    if (!state.isDirectory() || isInside || this.#followed.has(target)) return undefined;
    this.#followed.add(target);
    return "folder";
  }

  #stateOf(path: string): FileState | undefined {
    const state = this.#attempt(path, () => statSync(path));
    // A pipe or a folder may have the name of a transcript.
    if (state?.isFile() !== true) return undefined;
    return { size: state.size, mtimeMs: Math.floor(state.mtimeMs) };
  }

  #sessionOf(path: string): string | undefined {
    return this.#attempt(path, () => {
      const sessionId = readLineAt(path, 0)?.entry["sessionId"] ?? firstSessionId(path);
      if (typeof sessionId === "string") return sessionId;
      throw new Error("no line names the session that it belongs to, so it was left out.");
    });
  }

  /** Tries something with a file; what fails is told, unless the file is gone. */
  #attempt<Result>(path: string, act: () => Result): Result | undefined {
    try {
      return act();
    } catch (error) {
      if (!isGone(error)) this.#problems.push(`${path}: ${messageOf(error)}`);
      return undefined;
    }
  }
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true });

/** The text of the entry for a metadata file, its values as the file has them; undefined for what is no object. */
function metadataEntry(bytes: Buffer): string | undefined {
  try {
    const text = strictUtf8.decode(bytes).trim();
    const metadata: unknown = JSON.parse(text);
    if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) return undefined;
    const type = '{"type":"agent_metadata"';
    const rest = text.slice(1).replaceAll(/[\r\n]/g, " ");
    return Object.keys(metadata).length === 0 ? `${type}}` : `${type},${rest}`;
  } catch {
    return undefined;
  }
}

function metadataPath(path: string): string {
  return path.replace(/\.jsonl$/, ".meta.json");
}

function firstSessionId(path: string): unknown {
  for (const { lines } of readTranscript(path)) {
    for (const line of lines) {
      if ("entry" in line && typeof line.entry["sessionId"] === "string") return line.entry["sessionId"];
    }
  }
  return undefined;
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
