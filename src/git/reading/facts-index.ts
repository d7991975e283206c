import { join } from "node:path";
import { fieldsOf, objectIn } from "../../core/json.ts";
import type { ListedCheckpoint } from "../checkpoint-store.ts";
import { readOwnFile, replaceOwnFile } from "../flow/own-files.ts";
import type { Repository } from "../plumbing/repository.ts";
import { anchorsOf, type CheckpointAnchors } from "./anchors.ts";
import { type CheckpointFacts, factsOf } from "./checkpoint-facts.ts";
import type { CheckpointSource } from "./checkpoint-source.ts";

/**
 * What is known of checkpoints, kept in a file of this repository by their versions: what has not changed since it was
 * last asked for is not read again.
 */
export class FactsIndex {
  readonly #repository: Repository;
  readonly #source: CheckpointSource;
  #listed: Promise<readonly ListedCheckpoint[]> | undefined;

  constructor({ repository, source }: IndexOptions) {
    this.#repository = repository;
    this.#source = source;
  }

  /** Every id with its version; asked once. */
  listed(): Promise<readonly ListedCheckpoint[]> {
    return (this.#listed ??= this.#source.list());
  }

  /** Facts of all checkpoints, newest first; those of which nothing tells the time come last. */
  async all(): Promise<readonly CheckpointFacts[]> {
    const facts = await this.#known(factsKind, await this.listed());
    return [...facts.values()].toSorted(newestFirst);
  }

  /** Facts of some, by id; one that is not here is left out. */
  async of(ids: readonly string[]): Promise<ReadonlyMap<string, CheckpointFacts>> {
    const wanted = new Set(ids);
    if (wanted.size === 0) return new Map();
    const listed = (await this.listed()).filter(({ id }) => wanted.has(id));
    return this.#known(factsKind, listed);
  }

  /** The anchors that checkpoints keep of their commits. */
  async anchors(): Promise<readonly CheckpointAnchors[]> {
    return [...(await this.#known(anchorsKind, await this.listed())).values()];
  }

  async #known<Item extends Versioned>(
    kind: Kind<Item>,
    listed: readonly ListedCheckpoint[],
  ): Promise<Map<string, Item>> {
    const path = join(this.#repository.commonDir, "holdfast", "index", kind.file);
    const kept = readKept<Item>(path);
    const known = new Map<string, Item>();
    const missing: ListedCheckpoint[] = [];
    for (const one of listed) {
      const item = kept.get(one.id);
      if (item?.version === one.version) known.set(one.id, item);
      else missing.push(one);
    }
    if (missing.length === 0) return known;
    await inParallel(missing, async ({ id, version }) => {
      const stored = await this.#source.read(id);
      if (stored === null) return;
      // Under the version that was listed: one that was written meanwhile is then read again.
      const item = { ...(await kind.read(this.#repository, stored)), version };
      known.set(id, item);
      kept.set(id, item);
    });
    await this.#keep(path, kept);
    return known;
  }

  async #keep(path: string, kept: ReadonlyMap<string, Versioned>): Promise<void> {
    const there = new Set((await this.listed()).map(({ id }) => id));
    const items = [...kept.values()].filter(({ id }) => there.has(id));
    try {
      replaceOwnFile(path, JSON.stringify({ version: formatVersion, items }));
    } catch {
      // It only saves time: a repository that cannot be written is read all the same.
    }
  }
}

export interface IndexOptions {
  readonly repository: Repository;
  readonly source: CheckpointSource;
}

interface Versioned {
  readonly id: string;
  readonly version: string;
}

interface Kind<Item> {
  readonly file: string;
  readonly read: (
    repository: Repository,
    stored: NonNullable<Awaited<ReturnType<CheckpointSource["read"]>>>,
  ) => Promise<Item>;
}

// Raised whenever what is kept changes its shape: an older file is then no use.
const formatVersion = 1;
const maxIndexBytes = 512 * 1024 * 1024;
const readsAtOnce = 64;
const factsKind: Kind<CheckpointFacts> = {
  file: "checkpoints.json",
  read: ({ objects }, stored) => factsOf(objects, stored),
};
const anchorsKind: Kind<CheckpointAnchors> = {
  file: "anchors.json",
  read: async (_repository, stored) => anchorsOf(stored),
};

function readKept<Item extends Versioned>(path: string): Map<string, Item> {
  const bytes = readOwnFile(path, { maxBytes: maxIndexBytes });
  const file = Buffer.isBuffer(bytes) ? objectIn(bytes.toString()) : undefined;
  if (file?.["version"] !== formatVersion || !Array.isArray(file["items"])) return new Map();
  const items = file["items"].filter((item) => typeof fieldsOf(item)?.["id"] === "string");
  return new Map((items as Item[]).map((item) => [item.id, item]));
}

function newestFirst(a: CheckpointFacts, b: CheckpointFacts): number {
  const [timeA, timeB] = [a.atMs ?? -Infinity, b.atMs ?? -Infinity];
  if (timeA !== timeB) return timeA > timeB ? -1 : 1;
  return a.id < b.id ? 1 : -1;
}

async function inParallel<Item>(items: readonly Item[], each: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await each(item);
  };
  await Promise.all(Array.from({ length: Math.min(readsAtOnce, items.length) }, worker));
}
