import { HoldfastError } from "../core/errors.ts";
import { isOwnLog } from "../core/ids.ts";
import { shown } from "./arguments.ts";

/** The path of a log's transcript below its project's folder, as Claude Code lays sessions out. @throws invalid_key */
export function transcriptPath(session: string, log: string): string {
  if (log === "") return `${nameOf(session)}.jsonl`;
  return `${[session, ...log.split("/")].map(nameOf).join("/")}.jsonl`;
}

/** The path of the file beside a subagent's transcript that tells what it was started for. */
export function metadataPath(transcript: string): string {
  return transcript.replace(/\.jsonl$/, ".meta.json");
}

/** The logs of a session that Claude Code has files of. */
export function isTranscript(log: string): boolean {
  return !isOwnLog(log);
}

/** The text of a metadata file whose stored entry this is; undefined for any other entry. */
export function metadataOf(body: string): string | undefined {
  if (!body.includes('"agent_metadata"')) return undefined;
  const { type, ...metadata } = JSON.parse(body) as Readonly<Record<string, unknown>>;
  if (type !== "agent_metadata") return undefined;
  const text = /^\{"type":"agent_metadata",(.*)$/s.exec(body)?.[1];
  // As text where it can be: numbers then stay as they were written.
  return text === undefined ? JSON.stringify(metadata) : `{${text}`;
}

/** One name of a path; ids and logs are whatever an agent called them. */
function nameOf(name: string): string {
  const isSafe =
    /^[^/\\\p{Cc}]+$/u.test(name) && name !== "." && name !== ".." && Buffer.byteLength(name) <= 200;
  if (isSafe) return name;
  throw new HoldfastError({
    code: "invalid_key",
    message: `The name ${shown(name)} can be no file's.`,
    next: "Write this log alone to a file of another name, with --log and --output.",
    data: { name },
  });
}
