import assert from "node:assert/strict";
import { describe, test } from "vitest";
import type { ClaudeKey, ClaudeStore, SuiteEntry, SuiteFold, SuiteSummary } from "./contract.ts";
import { claudeStoreSuite } from "./index.ts";

/** Keeps the contract with nothing but a few maps; each break below changes one piece of it. */
class PlainStore implements ClaudeStore {
  readonly logs = new Map<string, SuiteEntry[]>();
  readonly summaries = new Map<string, SuiteSummary>();
  readonly fold: SuiteFold;
  clock = 0;

  constructor(fold: SuiteFold) {
    this.fold = fold;
  }

  async append(key: ClaudeKey, entries: SuiteEntry[]): Promise<void> {
    const log = this.logs.get(this.idOf(key)) ?? [];
    const known = new Set(log.map(({ uuid }) => uuid ?? ""));
    const fresh: SuiteEntry[] = [];
    for (const entry of this.copy(entries)) {
      if (this.isKnown(known, entry.uuid)) continue;
      known.add(entry.uuid ?? "");
      fresh.push(entry);
    }
    if (fresh.length === 0 && entries.length === 0) return;
    this.logs.set(this.idOf(key), [...log, ...fresh]);
    if (this.isFolded(key)) this.foldInto(key, fresh, entries);
  }

  isKnown(known: ReadonlySet<string>, uuid: string | undefined): boolean {
    return uuid !== undefined && known.has(uuid);
  }

  isFolded({ subpath }: ClaudeKey): boolean {
    return subpath === undefined;
  }

  foldInto(key: ClaudeKey, fresh: readonly SuiteEntry[], _sent: readonly SuiteEntry[]): void {
    const id = this.idOf(key);
    this.clock = Math.max(this.clock, Date.now());
    this.summaries.set(id, this.fold(this.summaries.get(id), key, fresh, { mtime: this.clock }));
  }

  async load(key: ClaudeKey): Promise<SuiteEntry[] | null> {
    const log = this.logs.get(this.idOf(key));
    return log === undefined ? null : this.copy(log);
  }

  copy(entries: readonly SuiteEntry[]): SuiteEntry[] {
    return JSON.parse(JSON.stringify(entries)) as SuiteEntry[];
  }

  async listSessions(projectKey: string): Promise<{ sessionId: string; mtime: number }[]> {
    return (await this.listSessionSummaries(projectKey)).map(({ sessionId, mtime }) => ({
      sessionId,
      mtime,
    }));
  }

  async listSessionSummaries(projectKey: string): Promise<SuiteSummary[]> {
    const found = [...this.summaries].filter(([id]) => this.keyOf(id).projectKey === projectKey);
    return found.map(([, summary]) => ({ ...summary, data: { ...summary.data } }));
  }

  async delete(key: ClaudeKey): Promise<void> {
    for (const id of this.logs.keys()) {
      const { projectKey, sessionId, subpath } = this.keyOf(id);
      if (projectKey !== key.projectKey || sessionId !== key.sessionId) continue;
      if (key.subpath !== undefined && key.subpath !== subpath) continue;
      this.logs.delete(id);
      this.summaries.delete(id);
    }
  }

  async listSubkeys(key: { readonly projectKey: string; readonly sessionId: string }): Promise<string[]> {
    return [...this.logs.keys()]
      .map((id) => this.keyOf(id))
      .filter(({ projectKey, sessionId }) => projectKey === key.projectKey && sessionId === key.sessionId)
      .flatMap(({ subpath }) => subpath ?? []);
  }

  idOf({ projectKey, sessionId, subpath }: ClaudeKey): string {
    return JSON.stringify({ projectKey, sessionId, subpath });
  }

  keyOf(id: string): ClaudeKey {
    return JSON.parse(id) as ClaudeKey;
  }
}

type Break = (store: PlainStore) => Partial<Record<keyof PlainStore, unknown>>;

const known = new Set<string>();

const breaks: Readonly<Record<string, Break>> = {
  "does not dedupe": () => ({ isKnown: () => false }),
  "takes equal entries without a uuid for one": () => ({
    isKnown: (held: ReadonlySet<string>, uuid: string | undefined) => held.has(uuid ?? ""),
  }),
  "takes a uuid for known over all keys": (s) => ({
    append: (key: ClaudeKey, entries: SuiteEntry[]) => {
      const fresh = entries.filter(({ uuid }) => uuid === undefined || !known.has(uuid));
      for (const { uuid } of entries) if (uuid !== undefined) known.add(uuid);
      return PlainStore.prototype.append.call(s, key, fresh);
    },
  }),
  "takes an array that comes again for a retry": (s) => {
    const sent = new WeakSet<object>();
    return {
      append: async (key: ClaudeKey, entries: SuiteEntry[]) => {
        if (sent.has(entries)) return;
        sent.add(entries);
        await PlainStore.prototype.append.call(s, key, entries);
      },
    };
  },
  "orders by uuid": (s) => ({
    load: async (key: ClaudeKey) =>
      (await PlainStore.prototype.load.call(s, key))?.toSorted((a, b) =>
        (a.uuid ?? "") < (b.uuid ?? "") ? -1 : 1,
      ) ?? null,
  }),
  "orders by the client's clock": (s) => ({
    load: async (key: ClaudeKey) =>
      (await PlainStore.prototype.load.call(s, key))?.toSorted((a, b) =>
        (a.timestamp ?? "") < (b.timestamp ?? "") ? -1 : 1,
      ) ?? null,
  }),
  "gives an empty list for a key that was never written": (s) => ({
    load: async (key: ClaudeKey) => (await PlainStore.prototype.load.call(s, key)) ?? [],
  }),
  "keeps the caller's own objects and gives out its own": () => ({
    copy: (entries: SuiteEntry[]) => entries,
  }),
  "joins keys with a slash": () => ({
    idOf: ({ projectKey, sessionId, subpath }: ClaudeKey) =>
      JSON.stringify({ projectKey: [projectKey, sessionId, subpath ?? ""].join("/").replace(/\/$/, "") }),
  }),
  "joins keys with a colon": () => ({
    idOf: ({ projectKey, sessionId, subpath }: ClaudeKey) =>
      JSON.stringify({ projectKey: `${projectKey}:${sessionId}`, subpath }),
  }),
  "folds case": (s) => ({ idOf: (key: ClaudeKey) => PlainStore.prototype.idOf.call(s, key).toLowerCase() }),
  "drops NUL characters": (s) => ({
    copy: (entries: SuiteEntry[]) =>
      JSON.parse(JSON.stringify(PlainStore.prototype.copy.call(s, entries)).replaceAll("\\u0000", "")),
  }),
  "replaces halves of characters": () => ({
    copy: (entries: SuiteEntry[]) =>
      JSON.parse(JSON.stringify(entries).replaceAll(/\\ud[89a-f][0-9a-f]{2}/g, "\ufffd")),
  }),
  "loses what is called __proto__": () => ({
    copy: (entries: SuiteEntry[]) => entries.map((entry) => Object.assign({}, entry)),
  }),
  "keeps at most 65,535 entries of a batch": (s) => ({
    append: (key: ClaudeKey, entries: SuiteEntry[]) =>
      PlainStore.prototype.append.call(s, key, entries.slice(0, 65_535)),
  }),
  "mixes batches that come at once": (s) => ({
    append: async (key: ClaudeKey, entries: SuiteEntry[]) => {
      if (entries.length > 100) return await PlainStore.prototype.append.call(s, key, entries);
      for (const entry of entries) {
        await PlainStore.prototype.append.call(s, key, [entry]);
        await Promise.resolve();
      }
    },
  }),
  "lists sessions of every project": () => ({
    keyOf: (id: string) => ({ ...(JSON.parse(id) as ClaudeKey), projectKey: "-home-dev" }),
  }),
  "folds subpaths": () => ({ isFolded: () => true }),
  "folds what was sent again": (s) => ({
    foldInto: (key: ClaudeKey, _: SuiteEntry[], sent: SuiteEntry[]) =>
      PlainStore.prototype.foldInto.call(s, key, sent, sent),
  }),
  "gives an entry's time for the session's": (s) => ({
    listSessions: async (projectKey: string) =>
      (await PlainStore.prototype.listSessions.call(s, projectKey)).map((row) => ({ ...row, mtime: 1e12 })),
  }),
  "gives fractions of milliseconds": (s) => ({
    listSessionSummaries: async (projectKey: string) =>
      (await PlainStore.prototype.listSessionSummaries.call(s, projectKey)).map((row) => ({
        ...row,
        mtime: row.mtime + 0.5,
      })),
  }),
  "leaves subpaths when it deletes a session": (s) => ({
    delete: async (key: ClaudeKey) => {
      s.logs.delete(s.idOf(key));
      s.summaries.delete(s.idOf(key));
    },
  }),
  "deletes by the beginning of an id": (s) => ({
    delete: async (key: ClaudeKey) => {
      for (const id of s.logs.keys()) {
        if (!s.keyOf(id).sessionId.startsWith(key.sessionId)) continue;
        s.logs.delete(id);
        s.summaries.delete(id);
      }
    },
  }),
  "throws on deleting what was never written": (s) => ({
    delete: async (key: ClaudeKey) => {
      if (!s.logs.has(s.idOf(key))) throw new Error("not found");
      await PlainStore.prototype.delete.call(s, key);
    },
  }),
  "names the main transcript among the subpaths": (s) => ({
    listSubkeys: async (key: ClaudeKey) => [...(await PlainStore.prototype.listSubkeys.call(s, key)), ""],
  }),
  "keeps the summary of a deleted session": (s) => ({
    delete: async (key: ClaudeKey) => {
      const kept = new Map(s.summaries);
      await PlainStore.prototype.delete.call(s, key);
      for (const [id, summary] of kept) s.summaries.set(id, summary);
    },
  }),
};

describe("the SessionStore suite", () => {
  test("finds no fault in a store that keeps the contract", async () => {
    assert.equal(await faultOf(() => ({})), undefined);
  });

  for (const [fault, sabotage] of Object.entries(breaks)) {
    test(`notices a store that ${fault}`, async () => {
      known.clear();
      assert.notEqual(await faultOf(sabotage), undefined, "No test failed.");
    });
  }
});

/** The title of the first test that fails. */
async function faultOf(sabotage: Break): Promise<string | undefined> {
  const recorded: { readonly title: string; readonly body: () => Promise<void> }[] = [];
  claudeStoreSuite({
    runner: {
      describe: (_, body) => body(),
      test: (title, body) => void recorded.push({ title, body }),
    },
    open: async (fold) => {
      const store = new PlainStore(fold);
      return Object.assign(store, sabotage(store));
    },
  });
  assert.ok(recorded.length > 50);
  for (const { title, body } of recorded) {
    try {
      await body();
    } catch {
      return title;
    }
  }
  return undefined;
}
