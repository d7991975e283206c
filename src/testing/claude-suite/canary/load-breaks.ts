import type { ClaudeKey, SuiteEntry } from "../contract.ts";
import type { Breaks } from "./plain-store.ts";

/** Stores that give back something else, or from elsewhere. */
export const loadBreaks: Breaks = {
  "orders by uuid": [
    "append",
    (_, plain) => ({ copyOut: (entries) => sortedBy(plain.copyOut(entries), ({ uuid }) => uuid) }),
  ],
  "orders by the client's clock": [
    "append",
    (_, plain) => ({ copyOut: (entries) => sortedBy(plain.copyOut(entries), ({ timestamp }) => timestamp) }),
  ],
  "gives an empty list for a key that was never written": [
    "load",
    (_, plain) => ({ load: async (key) => (await plain.load(key)) ?? [] }),
  ],
  "gives the main transcript for an unknown subpath": [
    "load",
    (_, plain) => ({
      load: async (key) => (await plain.load(key)) ?? (await plain.load({ ...key, subpath: undefined })),
    }),
  ],
  "gives out its own objects": ["load", () => ({ copyOut: (entries) => entries as SuiteEntry[] })],
  "remembers what it loaded": [
    "load",
    (s, plain) => {
      const held = new Map<string, readonly SuiteEntry[]>();
      return {
        load: async (key) => {
          const found = held.get(s.idOf(key)) ?? (await plain.load(key));
          if (found !== null) held.set(s.idOf(key), found);
          return found;
        },
      };
    },
  ],
  "drops NUL characters": ["load", () => ({ copyOut: (entries) => edited(entries, /\\u0000/g, "") })],
  "refuses NUL characters": [
    "load",
    (_, plain) => ({
      append: async (key, entries) => {
        if (JSON.stringify(entries).includes("\\u0000")) throw new Error("unsupported escape sequence");
        await plain.append(key, entries);
      },
    }),
  ],
  "replaces halves of characters": [
    "load",
    () => ({ copyOut: (entries) => edited(entries, /\\ud[89a-f][0-9a-f]{2}/g, "\ufffd") }),
  ],
  "splits lines at every separator": [
    "load",
    () => ({ copyOut: (entries) => edited(entries, /\u2028|\u2029|\u0085/g, "\\n") }),
  ],
  "keeps characters of two bytes only": [
    "load",
    () => ({ copyOut: (entries) => edited(entries, /[\u{10000}-\u{10ffff}]/gu, "?") }),
  ],
  "loses what is called __proto__": [
    "load",
    (_, plain) => ({ copyIn: (entries) => plain.copyIn(entries).map((entry) => Object.assign({}, entry)) }),
  ],
  "keeps floats in four bytes": [
    "load",
    () => ({
      copyOut: (entries) =>
        edited(entries, /(?<=[[,])-?[0-9.]+(?=[,\]])/g, (n) => String(Math.fround(Number(n)))),
    }),
  ],
  "keeps integers as texts above 2^53": [
    "load",
    () => ({ copyOut: (entries) => edited(entries, /(?<=:)[0-9]{16,}(?=[,}])/g, (n) => `"${n}"`) }),
  ],
  "cuts names of fields": [
    "load",
    () => ({ copyOut: (entries) => edited(entries, /"(k{100})k+"/g, '"$1"') }),
  ],
  "refuses entries of more than a megabyte": [
    "load",
    (_, plain) => ({
      append: async (key, entries) => {
        if (entries.length === 1 && JSON.stringify(entries).length > 1 << 20) throw new Error("too large");
        await plain.append(key, entries);
      },
    }),
  ],
  "drops what is empty": [
    "load",
    () => ({ copyOut: (entries) => entries.map((entry) => withoutEmpty(entry) as SuiteEntry) }),
  ],
  "cuts what is nested deeply": [
    "load",
    () => ({ copyOut: (entries) => entries.map((entry) => cutBelow(100, entry) as SuiteEntry) }),
  ],
  "joins keys with a slash": [
    "load",
    () => ({ idOf: (key) => joined(key, "/"), keyOf: (id) => split(id, "/") }),
  ],
  "joins keys with a colon": [
    "load",
    () => ({ idOf: (key) => joined(key, ":"), keyOf: (id) => split(id, ":") }),
  ],
  "folds the case of keys": ["load", (_, plain) => ({ idOf: (key) => plain.idOf(key).toLowerCase() })],
  "keeps subpaths in the main transcript": [
    "load",
    (_, plain) => ({ idOf: (key) => plain.idOf({ ...key, subpath: undefined }) }),
  ],
  "cuts keys at 512 characters": [
    "load",
    (_, plain) => ({ idOf: (key) => plain.idOf({ ...key, projectKey: key.projectKey.slice(0, 512) }) }),
  ],
  "takes sessions of one id for one, whatever the project": [
    "load",
    (_, plain) => ({ idOf: (key) => plain.idOf({ ...key, projectKey: "" }) }),
  ],
  "resolves keys as paths": [
    "keys",
    (_, plain) => ({
      idOf: ({ projectKey, sessionId, subpath }) =>
        plain.idOf({
          projectKey: resolved(projectKey),
          sessionId: resolved(sessionId),
          subpath: subpath === undefined ? undefined : resolved(subpath),
        }),
    }),
  ],
  "keeps keys in one normal form": [
    "keys",
    (_, plain) => ({ idOf: (key) => plain.idOf(key).normalize("NFC") }),
  ],
  "trims keys": [
    "keys",
    (_, plain) => ({ idOf: (key) => plain.idOf({ ...key, sessionId: key.sessionId.trim() }) }),
  ],
};

function edited(
  entries: readonly SuiteEntry[],
  pattern: RegExp,
  replacement: string | ((found: string) => string),
): SuiteEntry[] {
  const text = JSON.stringify(entries);
  const next =
    typeof replacement === "string"
      ? text.replaceAll(pattern, replacement)
      : text.replaceAll(pattern, replacement);
  return JSON.parse(next) as SuiteEntry[];
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((item) => !isEmpty(item)).map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name, field]) => name === "parentUuid" || !isEmpty(field));
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutEmpty(field)]));
}

function isEmpty(value: unknown): boolean {
  return value === null || (typeof value === "object" && Object.keys(value).length === 0);
}

function cutBelow(levels: number, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (levels === 0) return null;
  if (Array.isArray(value)) return value.map((item) => cutBelow(levels - 1, item));
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, cutBelow(levels - 1, field)]),
  );
}

function sortedBy(entries: SuiteEntry[], by: (entry: SuiteEntry) => string | undefined): SuiteEntry[] {
  return entries.toSorted((a, b) => ((by(a) ?? "") < (by(b) ?? "") ? -1 : 1));
}

function joined({ projectKey, sessionId, subpath }: ClaudeKey, separator: string): string {
  return [projectKey, sessionId, ...(subpath === undefined ? [] : [subpath])].join(separator);
}

function split(id: string, separator: string): ClaudeKey {
  const [projectKey = "", sessionId = "", ...rest] = id.split(separator);
  return { projectKey, sessionId, subpath: rest.length === 0 ? undefined : rest.join(separator) };
}

function resolved(name: string): string {
  return name
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..")
    .join("/");
}
