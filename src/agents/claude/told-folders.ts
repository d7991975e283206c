import { join } from "node:path";
import type { TurnStore } from "../../core/agent.ts";
import type { SessionKey } from "../../core/ids.ts";
import { folderOf, KnownFiles } from "./backend/known-files.ts";
import { placeOf } from "./backend/side-file-places.ts";
import type { TranscriptFile } from "./find-transcripts.ts";

/** A line's text without what differs between the store and a file that says the same. */
export type Neutral = (text: string) => string;

/**
 * A resumed process is told other folders for the session's files than the store keeps: by these names alone a line of
 * its transcript is not another one.
 */
export async function neutralOf(
  store: Pick<TurnStore, "read">,
  session: SessionKey,
  file: TranscriptFile,
): Promise<Neutral> {
  const known = new KnownFiles(session);
  await known.learn(store);
  const folder = file.path.slice(0, file.path.lastIndexOf(join("projects", file.projectKey)) - 1);
  const names = new Map<string, string>();
  for (const [from, area] of known.folders) {
    const place = placeOf(`${area}x`, { folder, sessionId: file.sessionId }, file.projectKey);
    for (const name of [from, place === undefined ? "" : folderOf(place)]) names.set(inJson(name), area);
  }
  names.delete("");
  // The longer first: one may lie in another.
  const sorted = [...names].toSorted(([a], [b]) => b.length - a.length);
  return (text) => sorted.reduce((left, [name, area]) => left.replaceAll(name, () => area), text);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
