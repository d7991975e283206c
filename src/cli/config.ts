import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { shown, usage } from "./arguments.ts";

/** The store that the config file names, if there is such a file: a path from its own folder, or a URL. @throws usage */
export function configuredStore(): string | undefined {
  const store = configured("store", "names no store");
  if (store === undefined) return undefined;
  const name = store.replace(/^sqlite:(?!\/\/)/, "");
  return /^(?:~\/|[a-z][a-z0-9+.-]+:)/i.test(name) ? name : resolve(configFolder(), name);
}

/** The file of the user's own prices that the config file names: a path from its own folder. @throws usage */
export function configuredPrices(): string | undefined {
  const prices = configured("prices", "names no file");
  return prices === undefined ? undefined : resolve(configFolder(), prices.replace(/^~(?=\/)/, homedir()));
}

/** A folder of the XDG rules, which say that a relative path is to be ignored. */
export function xdgFolder(variable: string, fallback: string): string {
  const given = process.env[variable];
  return given?.startsWith("/") === true ? given : join(homedir(), fallback);
}

/** What the config file says of agents: an object, of which nothing more is checked here. @throws usage */
export function configuredAgents(): ConfigObject | undefined {
  const found = configFile();
  const agents = found?.config["agents"];
  if (found === undefined || agents === undefined) return undefined;
  if (isObject(agents)) return { path: found.path, folder: configFolder(), value: agents };
  throw usage(`The key "agents" in the config file ${found.path} is no object.`, agentsNext);
}

/** An object in the config file, and where that is. */
export interface ConfigObject {
  readonly path: string;
  /** Where its relative paths start. */
  readonly folder: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** What to write where the key `agents` is wrong. */
export const agentsNext =
  'Write such as {"agents": {"enabled": true, "routes": {"claude-code": "claude"}}} there.';

function configFolder(): string {
  return join(xdgFolder("XDG_CONFIG_HOME", ".config"), "holdfast");
}

function configured(key: "store" | "prices", fault: string): string | undefined {
  const found = configFile();
  const value = found?.config[key];
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw usage(`The key "${key}" in the config file ${found!.path} ${fault}.`, next);
}

function configFile(): { readonly path: string; readonly config: ConfigObject["value"] } | undefined {
  const path = join(configFolder(), "config.json");
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const config = parse(text, path);
  // A mistyped key would silently open another store than the one that was meant.
  const unknown = Object.keys(config).find((name) => !keys.includes(name));
  if (unknown !== undefined)
    throw usage(`The config file ${path} has a key that means nothing: "${shown(unknown)}".`, next);
  return { path, config };
}

const keys: readonly string[] = ["store", "prices", "agents"];

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw usage(
      `The config file ${path} cannot be read (${code}).`,
      "Make it a readable file, or remove it.",
    );
  }
}

function parse(text: string, path: string): ConfigObject["value"] {
  try {
    const config: unknown = JSON.parse(text);
    if (isObject(config)) return config;
  } catch {}
  throw usage(`The config file ${path} is no JSON object.`, next);
}

function isObject(value: unknown): value is ConfigObject["value"] {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const next = 'Write {"store": "/path/holdfast.db"} there, or remove the file.';
