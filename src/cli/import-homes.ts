import { findTranscripts, type TranscriptFile } from "../agents/claude/find-transcripts.ts";
import type { Store } from "../core/store.ts";
import { homesOf } from "./session-homes.ts";

/** The project for each file of an import that names none: where the store has its session already, else its folder's. */
export async function projectOfFiles(
  store: Store,
  folders: readonly string[],
): Promise<(file: TranscriptFile) => string> {
  const files = folders.flatMap((folder) => findTranscripts(folder).files);
  const homeOf = await homesOf(store, files.map(keyOf));
  return (file) => homeOf(keyOf(file)).project;
}

function keyOf({ projectKey, sessionId }: TranscriptFile) {
  return { project: projectKey, session: sessionId };
}
