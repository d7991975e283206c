import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { shown, usage } from "./arguments.ts";

/** The store that the config file names, if there is such a file: a path from its own folder, or a URL. @throws usage */
export function configuredStore(): string | undefined {
  const path = join(xdgFolder("XDG_CONFIG_HOME", ".config"), "holdfast", "config.json");
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const config = parse(text, path);
  // A mistyped key would silently open another store than the one that was meant.
  const unknown = Object.keys(config).find((key) => key !== "store");
  if (unknown !== undefined)
    throw usage(`The config file ${path} has a key that means nothing: "${shown(unknown)}".`, next);
  const { store } = config;
  if (store === undefined) return undefined;
  if (typeof store !== "string" || store === "")
    throw usage(`The key "store" in the config file ${path} names no store.`, next);
  const name = store.replace(/^sqlite:(?!\/\/)/, "");
  return /^(?:~\/|[a-z][a-z0-9+.-]+:)/i.test(name) ? name : resolve(dirname(path), name);
}

/** A folder of the XDG rules, which say that a relative path is to be ignored. */
export function xdgFolder(variable: string, fallback: string): string {
  const given = process.env[variable];
  return given?.startsWith("/") === true ? given : join(homedir(), fallback);
}

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

function parse(text: string, path: string): Readonly<Record<string, unknown>> {
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === "object" && config !== null && !Array.isArray(config))
      return config as Readonly<Record<string, unknown>>;
  } catch {}
  throw usage(`The config file ${path} is no JSON object.`, next);
}

const next = 'Write {"store": "/path/holdfast.db"} there, or remove the file.';
