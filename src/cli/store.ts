import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { Store } from "../core/store.ts";
import { openStore } from "../open-store.ts";
import { usage } from "./arguments.ts";

/** The option that every command with a store takes. */
export interface StoreOption {
  readonly store?: string;
}

/** Opens the store for a command that reads: one that is not there is never made. @throws store_unreachable */
export async function withStore<T>(options: StoreOption, use: (store: Store) => Promise<T>): Promise<T> {
  return await withOpened(storeUrl(options), false, use);
}

/** Opens the store, or makes it, for a command that brings sessions in. */
export async function withNewStore<T>(options: StoreOption, use: (store: Store) => Promise<T>): Promise<T> {
  return await withOpened(storeUrl(options), true, use);
}

/** The store's URL: the option, the environment, the config file, the default, in this order. */
function storeUrl({ store }: StoreOption): string {
  return urlOf(store ?? process.env["HOLDFAST_STORE"] ?? configuredStore() ?? defaultPath());
}

async function withOpened<T>(url: string, create: boolean, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(url, { create });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

// One letter before the colon is a drive of Windows, not a scheme.
function urlOf(name: string): string {
  if (name === "") throw usage("The store's name is empty.", "Name a path, such as --store ./holdfast.db.");
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(name)?.[1];
  if (path === undefined && /^[a-z][a-z0-9+.-]+:/i.test(name)) return name;
  return `sqlite:${resolve((path ?? name).replace(/^~(?=\/)/, homedir()))}`;
}

function configuredStore(): string | undefined {
  const path = join(xdgFolder("XDG_CONFIG_HOME", ".config"), "holdfast", "config.json");
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const config = parse(text, path);
  const store = typeof config === "object" && config !== null && "store" in config ? config.store : undefined;
  if (store === undefined || typeof store === "string") return store;
  throw usage(`The store in ${path} is no text.`, 'Write {"store": "/path/holdfast.db"}.');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR"))
      return undefined;
    throw error;
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw usage(
      `The config file ${path} is not JSON.`,
      'Write {"store": "/path/holdfast.db"}, or remove the file.',
    );
  }
}

function defaultPath(): string {
  return join(xdgFolder("XDG_DATA_HOME", ".local/share"), "holdfast", "holdfast.db");
}

// The XDG rules say that a relative path is to be ignored.
function xdgFolder(variable: string, fallback: string): string {
  const given = process.env[variable];
  return given?.startsWith("/") === true ? given : join(homedir(), fallback);
}
