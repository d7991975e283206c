import { importClaudeTranscripts } from "../../agents/claude/import.ts";
import { HoldfastError } from "../../core/errors.ts";
import { shown } from "../arguments.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { writeImport } from "../import-report.ts";
import { writeJson } from "../output.ts";
import { progressBar } from "../progress.ts";
import { type StoreOption, withNewStore } from "../store.ts";

/** Brings Claude Code's transcripts into the store. */
export async function importTranscripts(_: readonly string[], options: ImportOptions): Promise<ExitCode> {
  const { configDir, project, session, restoreDropped, recheck, json } = options;
  const bar = progressBar();
  const report = await withNewStore(options, (store) =>
    importClaudeTranscripts({
      store,
      ...(configDir === undefined ? {} : { configDir, resumeDirs: [] }),
      ...(project === undefined ? {} : { project }),
      ...(session === undefined ? {} : { session }),
      ...(restoreDropped === undefined ? {} : { restoreDropped }),
      ...(recheck === undefined ? {} : { recheck }),
      onProgress: bar.update,
    }),
  ).finally(bar.done);
  if (session !== undefined && report.files === 0) throw noTranscript(session);
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

function noTranscript(session: string): HoldfastError {
  return new HoldfastError({
    code: "session_unknown",
    message: `No transcript of the session ${shown(session)} was found.`,
    next: "Give the whole id, as the transcript's file is named; without --session all are imported.",
    data: { session },
  });
}
