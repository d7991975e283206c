import type { ClaudeKey, ClaudeStore, SuiteEntry, SuiteFold, SuiteSummary } from "../contract.ts";

type Session = Pick<ClaudeKey, "projectKey" | "sessionId">;

/** Keeps the contract with nothing but two maps; a break replaces one piece of it. */
class PlainStore implements ClaudeStore {
  readonly logs = new Map<string, SuiteEntry[]>();
  readonly summaries = new Map<string, SuiteSummary>();
  readonly fold: SuiteFold;

  constructor(fold: SuiteFold) {
    this.fold = fold;
  }

  async append(key: ClaudeKey, entries: SuiteEntry[]): Promise<void> {
    if (entries.length === 0) return;
    const id = this.idOf(key);
    const log = this.logs.get(id) ?? [];
    const known = new Set(log.map(({ uuid }) => uuid));
    const fresh: SuiteEntry[] = [];
    for (const entry of this.copyIn(entries)) {
      if (this.isKnown(known, entry)) continue;
      known.add(entry.uuid);
      fresh.push(entry);
    }
    this.logs.set(id, [...log, ...fresh]);
    if (this.isFolded(key)) this.foldInto(key, fresh, entries);
  }

  async load(key: ClaudeKey): Promise<readonly SuiteEntry[] | null> {
    const log = this.logs.get(this.idOf(key));
    return log === undefined ? null : this.copyOut(log);
  }

  async listSessions(projectKey: string): Promise<{ sessionId: string; mtime: number }[]> {
    return this.summariesOf(projectKey).map(({ sessionId, mtime }) => ({ sessionId, mtime }));
  }

  async listSessionSummaries(projectKey: string): Promise<readonly SuiteSummary[]> {
    return structuredClone(this.summariesOf(projectKey));
  }

  async delete(key: ClaudeKey): Promise<void> {
    for (const id of this.logs.keys()) {
      const held = this.keyOf(id);
      if (!this.isOf(held, key) || (key.subpath !== undefined && !this.isSubpath(held, key))) continue;
      this.logs.delete(id);
      this.summaries.delete(id);
    }
  }

  async listSubkeys(key: Session): Promise<readonly string[]> {
    const held = [...this.logs.keys()].map((id) => this.keyOf(id));
    return held.filter((log) => this.isOf(log, key)).flatMap(({ subpath }) => subpath ?? []);
  }

  copyIn(entries: readonly SuiteEntry[]): SuiteEntry[] {
    return JSON.parse(JSON.stringify(entries)) as SuiteEntry[];
  }

  copyOut(entries: readonly SuiteEntry[]): SuiteEntry[] {
    return JSON.parse(JSON.stringify(entries)) as SuiteEntry[];
  }

  isKnown(known: ReadonlySet<string | undefined>, { uuid }: SuiteEntry): boolean {
    return uuid !== undefined && known.has(uuid);
  }

  isFolded({ subpath }: ClaudeKey): boolean {
    return subpath === undefined;
  }

  foldInto(key: ClaudeKey, fresh: readonly SuiteEntry[], _sent: readonly SuiteEntry[]): void {
    const id = this.idOf(key);
    const mtime = Math.max(this.summaries.get(id)?.mtime ?? 0, this.now());
    this.summaries.set(id, structuredClone(this.fold(this.summaries.get(id), key, fresh, { mtime })));
  }

  now(): number {
    return Date.now();
  }

  summariesOf(projectKey: string): SuiteSummary[] {
    const found = [...this.summaries].filter(([id]) => this.keyOf(id).projectKey === projectKey);
    return found.map(([, summary]) => summary);
  }

  isOf(held: Session, { projectKey, sessionId }: Session): boolean {
    return held.projectKey === projectKey && held.sessionId === sessionId;
  }

  isSubpath(held: ClaudeKey, key: ClaudeKey): boolean {
    return held.subpath === key.subpath;
  }

  idOf({ projectKey, sessionId, subpath }: ClaudeKey): string {
    return JSON.stringify({ projectKey, sessionId, subpath });
  }

  keyOf(id: string): ClaudeKey {
    return JSON.parse(id) as ClaudeKey;
  }
}

/** Replaces some methods of a plain store; `plain` does what it did before. */
export type Change = (store: PlainStore, plain: PlainStore) => Partial<PlainStore>;

/** By the rule that is broken: the group of tests that must notice, and the break. */
export type Breaks = Readonly<Record<string, readonly [group: string, change: Change]>>;

/** A plain store with some methods replaced. */
export function changedStore(fold: SuiteFold, change: Change): ClaudeStore {
  const store = new PlainStore(fold);
  // Calls the class's own methods on the same state, so that a replacement can lean on what it replaces.
  const plain = new Proxy(store, {
    get: (_, name): unknown => {
      const value: unknown = Reflect.get(PlainStore.prototype, name);
      return typeof value === "function" ? value.bind(store) : Reflect.get(store, name);
    },
  });
  return Object.assign(store, change(store, plain));
}
