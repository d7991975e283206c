import { type Stats, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { HoldfastError } from "../core/errors.ts";
import type { Store } from "../core/store.ts";
import { openStore } from "../open-store.ts";
import { shown, usage } from "./arguments.ts";
import { configuredStore, xdgFolder } from "./config.ts";
import { storeInDatabaseUrl } from "./database-url.ts";

/** The option that every command with a store takes. */
export interface StoreOption {
  readonly store?: string;
}

/** Opens the store for a command that reads: one that is not there is never made. @throws store_unreachable */
export async function withStore<T>(options: StoreOption, use: (store: Store) => Promise<T>): Promise<T> {
  return await withOpened(await storeUrl(options), false, use);
}

/** Opens the store, or makes it, for a command that brings sessions in. */
export async function withNewStore<T>(options: StoreOption, use: (store: Store) => Promise<T>): Promise<T> {
  return await withOpened(await storeUrl(options), true, use);
}

/** Two stores that a command reads or copies between. */
export interface TwoStoresOption extends StoreOption {
  readonly from: string;
  readonly to: string;
}

/** Opens two stores; the second is made where there is none and `create` says so. @throws usage where both are one */
export async function withTwoStores<T>(
  { from, to, store }: TwoStoresOption,
  create: boolean,
  use: (stores: { readonly from: Store; readonly to: Store }) => Promise<T>,
): Promise<T> {
  if (store !== undefined)
    throw usage("--store names one store, and there are two here.", "Name them with --from and --to.");
  return await withBoth(urlOf(from), urlOf(to), create, use);
}

/** What a command about a mirror takes. */
export interface MirrorOption extends StoreOption {
  readonly to: string;
}

/** Opens the store and its mirror; that one is made where there is none and `create` says so. @throws usage where both are one */
export async function withMirror<T>(
  options: MirrorOption,
  create: boolean,
  use: (stores: { readonly from: Store; readonly to: Store }) => Promise<T>,
): Promise<T> {
  return await withBoth(await storeUrl(options), urlOf(options.to), create, use);
}

async function withBoth<T>(
  source: string,
  target: string,
  create: boolean,
  use: (stores: { readonly from: Store; readonly to: Store }) => Promise<T>,
): Promise<T> {
  if (isSameStore(source, target))
    throw usage(`Both names are of the same store: ${shown(target)}.`, "Name another with --to.");
  return await withOpened(source, false, (opened) =>
    withOpened(target, create, (other) => use({ from: opened, to: other })),
  );
}

// A link to the same file is the same store.
function isSameStore(a: string, b: string): boolean {
  if (a === b) return true;
  const [one, other] = [a, b].map((url) => (url.startsWith("sqlite:") ? statOf(url.slice(7)) : undefined));
  return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
}

/** The store's name: the option, the environment, the config file, in this order; undefined where none names one. */
export function storeName({ store }: StoreOption): string | undefined {
  return store ?? (process.env["HOLDFAST_STORE"] || configuredStore());
}

/** The URL of what is named; where nothing is, the store in DATABASE_URL, else the default file. */
async function storeUrl(options: StoreOption): Promise<string> {
  const name = storeName(options);
  if (name !== undefined) return urlOf(name);
  return (await storeInDatabaseUrl()) ?? urlOf(defaultPath());
}

async function withOpened<T>(url: string, create: boolean, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await opened(url, create);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

async function opened(url: string, create: boolean): Promise<Store> {
  if (!url.startsWith("sqlite:")) return await openStore(url, { create });
  const path = url.slice("sqlite:".length);
  const wait = lockWait();
  checkFile(path, create);
  // Opened by its driver, because no URL says how long to wait.
  return (await import("../stores/sqlite/index.ts")).openSqliteStore({ path, create, ...wait });
}

function lockWait(): { readonly lockWaitMs?: number } {
  const given = process.env["HOLDFAST_LOCK_WAIT_MS"];
  if (given === undefined || given === "") return {};
  if (/^\d{1,7}$/.test(given)) return { lockWaitMs: Number(given) };
  throw usage(
    `HOLDFAST_LOCK_WAIT_MS is no whole number of milliseconds: ${shown(given)}.`,
    "Set it to one, such as 500, or unset it.",
  );
}

// One letter before the colon is a drive of Windows, not a scheme.
function urlOf(name: string): string {
  if (name === "") throw usage("The store's name is empty.", "Name a path, such as --store ./holdfast.db.");
  if (name === "memory:")
    throw usage("A store in memory ends with the command.", "Name a path, such as --store ./holdfast.db.");
  const variable = /^env:(.*)$/s.exec(name)?.[1];
  if (variable !== undefined) return urlOf(valueOf(variable));
  const path = /^sqlite:(?:\/\/(?=\/))?(.+)$/s.exec(name)?.[1];
  if (path === undefined && /^[a-z][a-z0-9+.-]+:/i.test(name)) return name;
  return `sqlite:${resolve((path ?? name).replace(/^~(?=\/)/, homedir()))}`;
}

// Named, so that a password stands in no file and no list of processes.
function valueOf(variable: string): string {
  const value = process.env[variable];
  if (value !== undefined && value !== "" && !value.startsWith("env:")) return value;
  throw usage(
    `The variable ${shown(variable)}, which is to name the store, ${value === undefined || value === "" ? "is not set" : "names another variable"}.`,
    "Set it to a path or a URL, or name another store with --store.",
  );
}

// What the driver would take for a failing disk, or would make a store of although the command only reads.
function checkFile(path: string, create: boolean): void {
  const stat = statOf(path);
  if (stat === undefined) return;
  if (stat.isDirectory())
    throw unreachable(
      path,
      "The store is a folder:",
      `Name a file in it, such as ${join(path, "holdfast.db")}.`,
    );
  if (!stat.isFile()) throw unreachable(path, "The store is no regular file:", "Name another with --store.");
  // SQLite takes a file of one byte for an empty one.
  if (stat.size <= 1 && !create)
    throw unreachable(path, "There is no store in the empty file", "Make one with `holdfast import`.");
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
    const next = "Check the path and the permissions of its folders, or name another with --store.";
    throw unreachable(path, `The store's file cannot be reached${reason}:`, next);
  }
}

function unreachable(path: string, message: string, next: string): HoldfastError {
  return new HoldfastError({
    code: "store_unreachable",
    message: `${message} ${path}.`,
    next,
    data: { path },
  });
}

function defaultPath(): string {
  return join(xdgFolder("XDG_DATA_HOME", ".local/share"), "holdfast", "holdfast.db");
}
