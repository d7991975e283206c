// A host of the agent, which a test kills in the middle of a turn: node host.ts TASK
import { claudeSessionStore } from "../../src/claude.ts";
import { openStore } from "../../src/index.ts";
import { project } from "./bench.ts";
import { converse } from "./conversation.ts";
import { loadSdk, type Version } from "./sdk.ts";

export interface HostTask {
  readonly version: Version;
  readonly folder: string;
  readonly cwd: string;
  readonly storeUrl: string;
  readonly modelUrl: string;
  readonly prompt: string;
  readonly options: Readonly<Record<string, unknown>>;
}

const task = JSON.parse(process.argv[2]!) as HostTask;
const sdk = await loadSdk(task.version);
const store = claudeSessionStore(await openStore(task.storeUrl), {
  project,
  foldSessionSummary: sdk.foldSessionSummary,
});
const model = { url: task.modelUrl, shown: () => [] };
await converse({ ...task, sdk, model, store, prompts: [task.prompt] });
