import { globSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { mainTranscripts, type SessionOnDisk } from "./side-file-places.ts";

/** A folder that transcripts name, and the one that its files are in now; each with a separator behind it. */
export interface MovedFolder {
  readonly from: string;
  readonly to: string;
}

/**
 * Names the new folders in the transcripts that the SDK has written for a resume, before its process reads them. The
 * store keeps what the agent wrote; another folder than one that is made for this process is left alone.
 */
export function renameFolders(session: SessionOnDisk, moved: readonly MovedFolder[]): void {
  if (!basename(session.folder).startsWith("claude-resume-")) return;
  // The longer first: one may lie in another.
  const names = moved
    .filter(({ from, to }) => from !== to && from !== "")
    .toSorted((a, b) => b.from.length - a.from.length)
    .map(({ from, to }) => [inJson(from), inJson(to)] as const);
  if (names.length === 0) return;
  for (const main of mainTranscripts(session)) {
    const agents = globSync("subagents/**/*.jsonl", { cwd: main.slice(0, -".jsonl".length) });
    const paths = agents.map((path) => `${main.slice(0, -".jsonl".length)}/${path}`);
    for (const path of [main, ...paths]) renameIn(path, names);
  }
}

function renameIn(path: string, names: readonly (readonly [string, string])[]): void {
  // A byte a character: what is not replaced stays byte for byte.
  const before = readFileSync(path, "latin1");
  const after = names.reduce((text, [from, to]) => text.replaceAll(from, () => to), before);
  if (after === before) return;
  writeFileSync(`${path}.new`, after, { encoding: "latin1", mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function inJson(text: string): string {
  return Buffer.from(JSON.stringify(text).slice(1, -1), "utf8").toString("latin1");
}
