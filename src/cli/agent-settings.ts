import { homedir } from "node:os";
import { resolve } from "node:path";
import { permissionModes } from "../agents/claude/permission-modes.ts";
import { shown, usage } from "./arguments.ts";
import { agentsNext, type ConfigObject, configuredAgents } from "./config.ts";

/** What this machine says of its agents. */
export interface AgentSettings {
  /** Where not, no agent but those that come with the program itself is ever loaded, and nothing is routed. */
  readonly isEnabled: boolean;
  /** The agent's name by the provider that it serves, beside or instead of those that are built in. */
  readonly routes: Readonly<Record<string, string>>;
  readonly claude: ClaudeSettings;
}

/** What the Claude backend begins with, where an input does not say otherwise. */
export interface ClaudeSettings {
  readonly model?: string;
  readonly permissionMode?: string;
  readonly cwd?: string;
  readonly maxProcesses?: number;
  readonly idleMs?: number;
}

/** Reads the config file's key `agents`; HOLDFAST_AGENTS, `on` or `off`, goes before its `enabled`. @throws usage */
export function agentSettings(): AgentSettings {
  const agents = configuredAgents();
  const enabled = switchedOn() ?? flagOf(agents, "enabled") ?? true;
  const { routes = {}, claude = {} } = sectionsOf(agents);
  return { isEnabled: enabled, routes: routesOf(agents, routes), claude: claudeOf(agents, claude) };
}

/** The agents that a provider can be routed to. */
const agentNames = ["scripted", "claude"] as const;

function switchedOn(): boolean | undefined {
  const given = process.env["HOLDFAST_AGENTS"];
  if (given === undefined || given === "") return undefined;
  if (given === "on" || given === "off") return given === "on";
  throw usage(
    `HOLDFAST_AGENTS is neither on nor off: ${shown(given)}.`,
    "Set it to one of them, or unset it.",
  );
}

type Section = Readonly<Record<string, unknown>>;

function sectionsOf(agents: ConfigObject | undefined): { routes?: Section; claude?: Section } {
  if (agents === undefined) return {};
  refuseUnknown(agents, agents.value, ["enabled", "routes", "claude"], "");
  const found: { routes?: Section; claude?: Section } = {};
  for (const name of ["routes", "claude"] as const) {
    const section = agents.value[name];
    if (section === undefined) continue;
    if (typeof section !== "object" || section === null || Array.isArray(section))
      throw wrong(agents, name, "is no object");
    found[name] = section as Section;
  }
  return found;
}

function flagOf(agents: ConfigObject | undefined, name: string): boolean | undefined {
  const value = agents?.value[name];
  if (value === undefined || typeof value === "boolean") return value;
  throw wrong(agents!, name, "is neither true nor false");
}

function routesOf(agents: ConfigObject | undefined, routes: Section): Readonly<Record<string, string>> {
  for (const [provider, name] of Object.entries(routes))
    if (!agentNames.some((one) => one === name))
      throw wrong(agents!, `routes.${shown(provider)}`, `names none of ${agentNames.join(", ")}`);
  return routes as Readonly<Record<string, string>>;
}

function claudeOf(agents: ConfigObject | undefined, claude: Section): ClaudeSettings {
  if (agents === undefined) return {};
  refuseUnknown(agents, claude, ["model", "permissionMode", "cwd", "maxProcesses", "idleMs"], "claude.");
  const { model, permissionMode, cwd, maxProcesses, idleMs } = claude;
  return {
    ...(model !== undefined && { model: textIn(agents, "claude.model", model) }),
    ...(permissionMode !== undefined && { permissionMode: modeIn(agents, permissionMode) }),
    ...(cwd !== undefined && { cwd: folderIn(agents, textIn(agents, "claude.cwd", cwd)) }),
    ...(maxProcesses !== undefined && {
      maxProcesses: countIn(agents, "claude.maxProcesses", maxProcesses, 1, 1000),
    }),
    ...(idleMs !== undefined && { idleMs: countIn(agents, "claude.idleMs", idleMs, 0, 86_400_000) }),
  };
}

function textIn(agents: ConfigObject, key: string, value: unknown): string {
  if (typeof value === "string" && value !== "") return value;
  throw wrong(agents, key, "is no text");
}

function modeIn(agents: ConfigObject, value: unknown): string {
  const mode = permissionModes.find((one) => one === value);
  if (mode !== undefined) return mode;
  throw wrong(agents, "claude.permissionMode", `is none of ${permissionModes.join(", ")}`);
}

function folderIn({ folder }: ConfigObject, path: string): string {
  return resolve(folder, path.replace(/^~(?=\/|$)/, homedir()));
}

function countIn(agents: ConfigObject, key: string, value: unknown, min: number, max: number): number {
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max)
    return value as number;
  throw wrong(agents, key, `is no whole number from ${min} to ${max.toLocaleString("en-US")}`);
}

function refuseUnknown(agents: ConfigObject, section: Section, known: readonly string[], at: string): void {
  const unknown = Object.keys(section).find((name) => !known.includes(name));
  if (unknown !== undefined) throw wrong(agents, `${at}${shown(unknown)}`, "means nothing");
}

function wrong({ path }: ConfigObject, key: string, fault: string): Error {
  return usage(`The key "agents.${key}" in the config file ${path} ${fault}.`, agentsNext);
}
