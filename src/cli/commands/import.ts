import { importClaudeTranscripts } from "../../agents/claude/import.ts";
import { foldersOf, transcriptFolders, type TranscriptFolders } from "../claude-settings.ts";
import { oneOnDisk, sessionsOnDisk } from "../disk-session.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { projectOfFiles } from "../import-homes.ts";
import { writeImport } from "../import-report.ts";
import { writeJson } from "../output.ts";
import { progressBar } from "../progress.ts";
import { type StoreOption, withNewStore } from "../store.ts";

/** Brings Claude Code's transcripts into the store. */
export async function importTranscripts(_: readonly string[], options: ImportOptions): Promise<ExitCode> {
  const { configDir, project, session, restoreDropped, recheck, json } = options;
  const folders = transcriptFolders(configDir);
  // Before the store is opened: a mistyped session must not make one.
  const only = session === undefined ? {} : { session: sessionIn(folders, session) };
  const bar = progressBar();
  const report = await withNewStore(options, async (store) =>
    importClaudeTranscripts({
      store,
      ...folders,
      ...only,
      project: project ?? (await projectOfFiles(store, foldersOf(folders))),
      ...(restoreDropped === undefined ? {} : { restoreDropped }),
      ...(recheck === undefined ? {} : { recheck }),
      onProgress: bar.update,
    }),
  ).finally(bar.done);
  if (json === true) await writeJson({ ...report });
  else await writeImport(report);
  return report.problems.length > 0 ? exitCodes.problems : exitCodes.ok;
}

interface ImportOptions extends StoreOption {
  readonly configDir?: string;
  readonly project?: string;
  readonly session?: string;
  readonly restoreDropped?: true;
  readonly recheck?: true;
  readonly json?: true;
}

function sessionIn(folders: TranscriptFolders, prefix: string): string {
  return oneOnDisk(sessionsOnDisk(foldersOf(folders), prefix), prefix);
}
