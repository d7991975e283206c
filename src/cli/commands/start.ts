import { fileURLToPath } from "node:url";
import { type ImportClaudeReport, importClaudeTranscripts } from "../../agents/claude/import.ts";
import type { Store } from "../../core/store.ts";
import { transcriptFolders } from "../claude-settings.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { importLines } from "../import-report.ts";
import { say, write } from "../output.ts";
import { progressBar } from "../progress.ts";
import { sessionTable } from "../session-table.ts";
import { type StoreOption, withNewStore } from "../store.ts";
import { packageRoot } from "../package-root.ts";

/** What `npm start` runs: brings in this machine's sessions, or the example that comes along, and lists them. */
export async function start(_: readonly string[], options: StartOptions): Promise<ExitCode> {
  await withNewStore(options, async (store) => {
    const found = await importFrom(store, options.configDir);
    const report = found.files > 0 ? found : await importExample(store);
    for (const line of importLines(report)) say(line);
    await listNewest(store);
    await serve(store);
  });
  return exitCodes.ok;
}

interface StartOptions extends StoreOption {
  readonly configDir?: string;
}

async function importFrom(store: Store, configDir: string | undefined): Promise<ImportClaudeReport> {
  const bar = progressBar();
  return await importClaudeTranscripts({
    store,
    ...transcriptFolders(configDir),
    onProgress: bar.update,
  }).finally(bar.done);
}

async function importExample(store: Store): Promise<ImportClaudeReport> {
  say("No Claude Code sessions on this machine: loading the example session that comes with Holdfast.");
  return await importFrom(store, fileURLToPath(exampleFolder));
}

const exampleFolder = new URL("examples/claude-session/", packageRoot);

async function listNewest(store: Store): Promise<void> {
  const { sessions } = await store.sessions({ limit: 20 });
  if (sessions.length > 0) await write(`${sessionTable(sessions).join("\n")}\n`);
  say(`The store is ${store.url}. Next: npx holdfast show <session>, or npx holdfast --help`);
}

// A server opens here once there is one.
async function serve(_store: Store): Promise<void> {}
