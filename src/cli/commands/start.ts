import { fileURLToPath } from "node:url";
import { type ImportClaudeReport, importClaudeTranscripts } from "../../agents/claude/import.ts";
import type { Store } from "../../core/store.ts";
import { asTyped } from "../arguments.ts";
import { foldersOf, transcriptFolders } from "../claude-settings.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { projectOfFiles } from "../import-homes.ts";
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
    const isEmpty = found.files === 0;
    const report = isEmpty ? await importExample(store) : found;
    const restore = restoreCommand(isEmpty ? { ...options, configDir: example } : options);
    for (const line of importLines(report, restore)) say(line);
    await listNewest(store);
    await serve(store);
  });
  return exitCodes.ok;
}

interface StartOptions extends StoreOption {
  readonly configDir?: string;
}

async function importFrom(store: Store, configDir: string | undefined): Promise<ImportClaudeReport> {
  const folders = transcriptFolders(configDir);
  const bar = progressBar();
  return await importClaudeTranscripts({
    store,
    project: await projectOfFiles(store, foldersOf(folders)),
    ...folders,
    onProgress: bar.update,
  }).finally(bar.done);
}

async function importExample(store: Store): Promise<ImportClaudeReport> {
  say("No Claude Code sessions on this machine: loading the example session that comes with Holdfast.");
  return await importFrom(store, example);
}

const example = fileURLToPath(new URL("examples/claude-session/", packageRoot));

/** What brings removed sessions back from the same place: this command has no option for it. */
function restoreCommand({ store, configDir }: StartOptions): string {
  const given = Object.entries({ "--store": store, "--config-dir": configDir });
  const words = given.flatMap(([option, value]) => (value === undefined ? [] : [option, asTyped(value)]));
  return ["npx holdfast import --restore-dropped", ...words].join(" ");
}

async function listNewest(store: Store): Promise<void> {
  const { sessions } = await store.sessions({ limit: 20 });
  if (sessions.length > 0) await write(`${sessionTable(sessions).join("\n")}\n`);
  say(`The store is ${store.url}. Next: npx holdfast show <session>, or npx holdfast --help`);
}

// A server opens here once there is one.
async function serve(_store: Store): Promise<void> {}
