import { existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname } from "node:path";
import type { AgentStep, Turn } from "../../../core/agent.ts";
import { HoldfastError, isHoldfastError } from "../../../core/errors.ts";
import type { ProcessIdentity } from "../../../core/event.ts";
import type { SessionKey } from "../../../core/ids.ts";
import { type Fields, textOf } from "../../../core/json.ts";
import type { Fold } from "../../../core/store.ts";
import { lacksLines, rescueLines } from "./leftover-lines.ts";
import { LiveProcess, type LiveProcessParams } from "./live-process.ts";
import type { ClaudeSdk } from "./sdk-contract.ts";
import { type Past, readPast } from "./past-runs.ts";
import { askDesk, type PermissionDesk } from "./permission-desk.ts";
import { isRunning, remainsOf } from "./process-identity.ts";
import { killTrees } from "./process-table.ts";
import { type RepositoryState, repositoryOf } from "./repository.ts";
import { allowsBypass, type ClaudeSdkOptions, sdkOptions } from "./sdk-options.ts";
import type { SessionOnDisk } from "./side-file-places.ts";
import { SideFiles } from "./side-files.ts";
import { isFolder, type TurnChoices } from "./turn-request.ts";
import { hasConversation, tellUntoldCalls } from "./untold-calls.ts";

/** How processes are started. */
export interface StartOptions extends TurnChoices {
  readonly load: () => Promise<ClaudeSdk>;
  readonly options: ClaudeSdkOptions;
  readonly partialText: boolean;
  readonly permissions?: PermissionDesk | undefined;
  readonly fold: (session: SessionKey) => Fold;
}

export interface StartParams {
  readonly turn: Turn;
  readonly request: TurnChoices;
  readonly start: StartOptions;
  /** Has the process as soon as it lives, to end it where the turn ends before. */
  readonly onStarted: (live: LiveProcess) => void;
}

/** Starts the session's process where no other one of it is at work, and says which one it is before it has a prompt. */
export async function* startProcess(params: StartParams): AsyncGenerator<AgentStep, LiveProcess> {
  const { turn, start, request } = params;
  const [sdk, past] = await Promise.all([start.load(), readPast(turn)]);
  const named = turn.resume ?? past.sessionId;
  const files = new SideFiles(turn.session);
  yield* endLeftovers({ turn, past, resume: named, files });
  const { interrupted } = past;
  const untold = await tellUntoldCalls({ turn, fold: start.fold(turn.session), interrupted });
  if (untold > 0)
    yield notice(`${untold} calls of tools were told or closed that a killed process had begun.`);
  // One that was killed before it wrote a line has named a conversation of which there is nothing to resume.
  const resume = named !== undefined && (await hasConversation(turn)) ? named : undefined;
  const chosen = choose({ request, start, past: past.settings });
  if (resume !== undefined) await files.fetch(turn.store);
  const [live, repository] = await Promise.all([
    begin(params, { sdk, resume, chosen, files }),
    repositoryOf(chosen.cwd),
  ]);
  yield started(live, repository);
  if (live.begun.fault !== undefined) yield notice(unwatched(live.begun.fault));
  // A process that the store does not know of must not begin to work.
  await turn.flush();
  return live;
}

type Begin = Pick<LiveProcessParams, "sdk" | "resume" | "chosen" | "files">;

async function begin({ turn, start, onStarted }: StartParams, own: Begin): Promise<LiveProcess> {
  const { options, permissions, partialText, fold } = start;
  let live: LiveProcess | undefined;
  const canUseTool = permissions && askDesk(permissions, turn.session, (step) => live?.steps.push(step));
  try {
    const sdkGiven = {
      ...sdkOptions(options),
      ...(partialText && { includePartialMessages: true }),
      // A process that is not told at its start refuses the mode later.
      ...(allowsBypass(start) && { allowDangerouslySkipPermissions: true }),
    };
    live = await LiveProcess.start({
      ...own,
      turn,
      options: { ...sdkGiven, ...(canUseTool !== undefined && { canUseTool }) },
      onStderr: options.stderr,
      fold: fold(turn.session),
    });
  } catch (error) {
    own.files[Symbol.dispose]();
    throw error;
  }
  onStarted(live);
  await live.held.learn(turn.store);
  return live;
}

interface LeftoverParams {
  readonly turn: Turn;
  readonly past: Past;
  readonly resume: string | undefined;
  readonly files: SideFiles;
}

/** Ends what an earlier host has left at work here, and brings in what it wrote that the store does not have. */
async function* endLeftovers({ turn, past, resume, files }: LeftoverParams): AsyncGenerator<AgentStep> {
  for (const process of past.processes.filter((one, index) =>
    isAtWork(one, index === 0 ? past : undefined),
  )) {
    const pids = remainsOf(process).join(", ");
    yield notice(`A process of an earlier host was still at work (pid ${pids}): it is ended.`);
    await killTrees([process]);
    if (remainsOf(process).length > 0) throw stillAlive(process);
  }
  const folder = past.processes[0]?.folder;
  if (folder === undefined || resume === undefined || !existsSync(folder)) return;
  const isDiscarded = past.last === "discarded";
  if (!isDiscarded) yield* broughtIn({ turn, past, files, folder, sessionId: resume });
  if (isTemporary(folder) && (isDiscarded || !(await lacksLines({ ...turn, folder })))) removeOwn(folder);
}

/** What a process has started that came to its end in order may be meant to live on, such as a server. */
function isAtWork(process: ProcessIdentity, newest: Past | undefined): boolean {
  if (isRunning(process)) return true;
  if (newest === undefined) return false;
  const { folder } = process;
  const isCutOff = folder !== undefined && isTemporary(folder) && existsSync(folder);
  return (newest.last !== "committed" || isCutOff) && remainsOf(process).length > 0;
}

type BroughtInParams = Pick<LeftoverParams, "turn" | "past" | "files"> & SessionOnDisk;

/** Of a run that has ended in order only what it wrote behind that: nothing tells whether its host has died. */
async function* broughtIn({ turn, past, files, ...place }: BroughtInParams): AsyncGenerator<AgentStep> {
  try {
    if (past.last === "committed" && !(await lacksLines({ ...turn, ...place }))) return;
    yield* rescued({ turn, ...place });
    yield* files.keep({ turn, ...place });
  } catch (error) {
    // Its host lives, and has removed the folder when its process was ended: what that gave is kept by the host.
    if (isHoldfastError(error) || existsSync(place.folder)) throw error;
  }
  // Its folder may go: from here on only the store has them.
  await turn.flush();
}

function removeOwn(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // Of another user's host: what it held is stored, and the folder is not ours to remove.
  }
}

async function* rescued({
  turn,
  ...place
}: { readonly turn: Turn } & SessionOnDisk): AsyncGenerator<AgentStep> {
  const { store, session } = turn;
  const { entries, problems, usage } = await rescueLines({ store, session, ...place });
  if (entries > 0) yield notice(`${entries} entries were rescued that an earlier process had written last.`);
  for (const problem of problems) yield notice(problem);
  for (const { key, model, tokens } of usage)
    yield { kind: "event", event: { type: "usage", key, model, tokens } };
}

// The SDK makes one for each resume, with a copy of the credentials in it, and removes it unless its host dies.
function isTemporary(folder: string): boolean {
  return dirname(folder) === tmpdir() && basename(folder).startsWith("claude-resume-");
}

interface ChooseParams {
  readonly request: TurnChoices;
  readonly start: StartOptions;
  readonly past: Fields;
}

/** What the turn asks for, else what the session had, else what the backend is for. */
function choose({ request, start, past }: ChooseParams): TurnChoices & { readonly cwd: string } {
  const model = request.model ?? textOf(past["model"]) ?? start.model;
  const mode = request.permissionMode ?? allowedMode(textOf(past["permissionMode"]), start);
  const permissionMode = mode ?? start.permissionMode;
  const cwd = request.cwd ?? folderHere(textOf(past["cwd"])) ?? start.cwd ?? process.cwd();
  // The SDK takes it for a binary that does not run.
  if (!isFolder(cwd)) throw noFolder(cwd);
  return {
    cwd,
    ...(model !== undefined && { model }),
    ...(permissionMode !== undefined && { permissionMode }),
  };
}

// A session that ran without questions where that was allowed must not do so where it is not.
function allowedMode(mode: string | undefined, start: StartOptions): string | undefined {
  return mode === "bypassPermissions" && !allowsBypass(start) ? undefined : mode;
}

function folderHere(folder: string | undefined): string | undefined {
  return folder !== undefined && isFolder(folder) ? folder : undefined;
}

function noFolder(cwd: string): HoldfastError {
  return new HoldfastError({
    code: "agent_failed",
    message: `The agent is to work in ${cwd}, which is no folder of this machine.`,
    next: "Make it, or correct the `cwd` that sessions begin with, then queue the input again.",
    data: { cwd },
  });
}

function started(live: LiveProcess, repository: RepositoryState): AgentStep {
  const { identity } = live.begun;
  const settings = {
    ...live.chosen,
    ...repository,
    ...(live.sdkVersion !== undefined && { sdkVersion: live.sdkVersion }),
  };
  const event = { type: "status", status: "process_started", settings } as const;
  return { kind: "event", event: { ...event, ...(identity !== undefined && { process: identity }) } };
}

function notice(text: string): AgentStep {
  return { kind: "event", event: { type: "notice", text } };
}

function unwatched(fault: unknown): string {
  const why = fault instanceof Error ? fault.message : String(fault);
  return `Nobody sees to it that the agent ends when its host dies: ${why}`;
}

function stillAlive({ pid }: ProcessIdentity): HoldfastError {
  return new HoldfastError({
    code: "agent_failed",
    message: `A process of an earlier host (pid ${pid}) is still at work on the session, and could not be ended.`,
    next: "End it by hand; the input is tried again while it may be.",
    data: { pid },
    retryable: true,
  });
}
