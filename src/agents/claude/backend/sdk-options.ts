import { homedir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "../../../core/errors.ts";
import { fieldsOf, textOf } from "../../../core/json.ts";
import type { SdkHooks } from "./tool-steps.ts";
import type { TurnChoices } from "./turn-request.ts";

/** The SDK's options, as the caller gives them; those of the session and its process are the backend's. */
export interface ClaudeSdkOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly hooks?: SdkHooks;
  readonly stderr?: (text: string) => void;
  /** The servers, or what makes them for each process: one that lives in this process serves one agent only. */
  readonly mcpServers?: SdkServers | (() => SdkServers);
  readonly [option: string]: unknown;
}

type SdkServers = Readonly<Record<string, unknown>>;

/** Refuses what would break what the backend is for. @throws usage */
export function checkSdkOptions(options: ClaudeSdkOptions): void {
  for (const name of ours) if (options[name] !== undefined) throw refused(name, setByUs);
  if (options["persistSession"] === false)
    throw refused("persistSession: false", "without files of the agent nothing reaches the store");
  if (options["enableFileCheckpointing"] === true)
    throw refused("enableFileCheckpointing", "the SDK does not take it together with a store");
  if (typeof options.mcpServers === "object" && inProcess(options.mcpServers).length > 0)
    throw refused("mcpServers with a server of type sdk", oneProcess, giveFunction);
  if (isSet(options.env?.[skipHistory]))
    throw refused(`env.${skipHistory}`, "nothing that the agent does would reach the store");
}

/** What sessions begin with: what the backend is given, else what its SDK options say. */
export function choicesOf({ model, permissionMode, cwd, options }: BackendChoices): TurnChoices {
  const given = { model, permissionMode, cwd };
  const names = ["model", "permissionMode", "cwd"] as const;
  const chosen = names.map((name) => [name, given[name] ?? textOf(options[name])] as const);
  return Object.fromEntries(chosen.filter(([, value]) => value !== undefined));
}

export interface BackendChoices extends TurnChoices {
  readonly options: ClaudeSdkOptions;
}

/** Whether a session may run without questions: the operator says so, or lets all sessions begin like that. */
export function allowsBypass(backend: BackendChoices): boolean {
  const isAllowed = backend.options["allowDangerouslySkipPermissions"] === true;
  return isAllowed || choicesOf(backend).permissionMode === "bypassPermissions";
}

/** The caller's options as a process is started with them. */
export function sdkOptions({ stderr: _, mcpServers, ...options }: ClaudeSdkOptions): ClaudeSdkOptions {
  // Its own process can read them there, and on a command line everybody on the machine could.
  const isOwn = options["pathToClaudeCodeExecutable"] === undefined;
  const delivery = isOwn ? { mcpServersDelivery: "initialize" } : {};
  const servers = typeof mcpServers === "function" ? freshServers(mcpServers) : mcpServers;
  return {
    ...delivery,
    ...options,
    ...(servers !== undefined && { mcpServers: servers }),
    env: childEnv(options.env),
  };
}

/** What the backend gives itself. */
const ours = [
  "prompt",
  "resume",
  "continue",
  "forkSession",
  "sessionId",
  "resumeSessionAt",
  "sessionStore",
  "sessionStoreFlush",
  "spawnClaudeCodeProcess",
  "abortController",
];
const setByUs = "the backend sets it itself";

/** Those that live in this process. */
function inProcess(servers: SdkServers): readonly object[] {
  return Object.values(servers).flatMap((server) => {
    const { type, instance } = fieldsOf(server) ?? {};
    return type === "sdk" && typeof instance === "object" && instance !== null ? [instance] : [];
  });
}

function freshServers(make: () => SdkServers): SdkServers {
  const servers = make();
  for (const instance of inProcess(servers)) {
    if (given.has(instance))
      throw refused("mcpServers whose function gives the same server twice", oneProcess, giveFunction);
    given.add(instance);
  }
  return servers;
}

/** The servers that a process has, or has had. */
const given = new WeakSet<object>();

const oneProcess =
  "a server of this process is connected to one agent's only, and others would lack its tools";
const giveFunction = "Give a function that makes the servers anew: `mcpServers: () => ({ … })`.";

const skipHistory = "CLAUDE_CODE_SKIP_PROMPT_HISTORY";

/** What a host that is itself run by an agent inherits, and what would switch its own agents' transcripts off. */
const inherited = ["CLAUDECODE", "CLAUDE_CODE_CHILD_SESSION", "CLAUDE_CODE_SESSION_ID", skipHistory];

function childEnv(given: ClaudeSdkOptions["env"] = process.env): Record<string, string | undefined> {
  const env = { ...given };
  for (const name of inherited) delete env[name];
  // The SDK looks for what its process writes in this process's home.
  const home = env["HOME"];
  if (env["CLAUDE_CONFIG_DIR"] === undefined && home !== undefined && home !== homedir())
    env["CLAUDE_CONFIG_DIR"] = join(home, ".claude");
  return env;
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !["", "0", "false"].includes(value);
}

function refused(option: string, why: string, next = "Leave it out."): HoldfastError {
  return new HoldfastError({
    code: "usage",
    message: `The option ${option} cannot be given to claudeBackend: ${why}.`,
    next,
    data: { option },
  });
}
