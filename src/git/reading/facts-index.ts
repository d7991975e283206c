import { join } from "node:path";
import { objectIn } from "../../core/json.ts";
import type { ListedCheckpoint, StoredCheckpoint } from "../checkpoint-store.ts";
import { isDamage } from "../damage.ts";
import type { Repository } from "../plumbing/repository.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import { type Anchor, anchorsOf, type CheckpointAnchors, commitsToldBy } from "./anchors.ts";
import { type CheckpointFacts, factsOf } from "./checkpoint-facts.ts";
import type { CheckpointSource, OnDamage } from "./checkpoint-source.ts";
import { factsOfRow, factsRow } from "./facts-row.ts";
import { readIndex, writeIndex } from "./index-file.ts";

/**
 * What is known of checkpoints, kept in a file of this repository by their versions: what has not changed since it was
 * last asked for is not read again.
 */
export class FactsIndex {
  readonly #repository: Repository;
  readonly #source: CheckpointSource;
  readonly #onDamage: OnDamage | undefined;
  /** What was made of checkpoints that were read, for what is asked next: a checkpoint itself may be 100 MB. */
  readonly #readings = new Map<string, Reading>();
  #listed: Promise<readonly ListedCheckpoint[]> | undefined;

  constructor({ repository, source, onDamage }: IndexOptions) {
    this.#repository = repository;
    this.#source = source;
    this.#onDamage = onDamage;
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

  /** The commits that checkpoints say are theirs. */
  async told(): Promise<readonly ToldCommits[]> {
    return [...(await this.#known(toldKind, await this.listed())).values()];
  }

  async #known<Item>(
    kind: Kind<Item>,
    listed: readonly ListedCheckpoint[],
  ): Promise<ReadonlyMap<string, Item>> {
    const path = join(this.#repository.commonDir, "holdfast", "index", kind.file);
    const kept = readIndex(path);
    const known = new Map<string, Item>();
    const missing: ListedCheckpoint[] = [];
    for (const one of listed) {
      const row = kept.get(one.id);
      const item = row?.version === one.version ? kind.read(one, row.text) : undefined;
      if (item === undefined) missing.push(one);
      else known.set(one.id, item);
    }
    if (missing.length === 0) return known;
    await inParallel(missing, async (one) => {
      const reading = await this.#read(one.id);
      if (reading === undefined) return;
      const { item, isWhole } = kind.of(reading);
      known.set(one.id, item);
      // Under the version that was listed: one that was written meanwhile is then read again.
      if (isWhole) kept.set(one.id, { version: one.version, text: kind.write(item) });
    });
    const there = new Set((await this.listed()).map(({ id }) => id));
    writeIndex(
      path,
      [...kept].filter(([id]) => there.has(id)),
    );
    return known;
  }

  /** undefined: it is not there, or cannot be read. */
  async #read(id: string): Promise<Reading | undefined> {
    const known = this.#readings.get(id);
    if (known !== undefined) return known;
    try {
      const stored = await this.#source.read(id);
      if (stored === null) return undefined;
      const reading = await readingOf(this.#repository, stored);
      if (this.#readings.size < mostReadings) this.#readings.set(id, reading);
      return reading;
    } catch (error) {
      if (this.#onDamage === undefined || !isDamage(error)) throw error;
      this.#onDamage(error);
      return undefined;
    }
  }
}

/** The commits that a checkpoint says are its own. */
interface ToldCommits {
  readonly id: string;
  readonly commits: readonly ObjectId[];
}

export interface IndexOptions {
  readonly repository: Repository;
  readonly source: CheckpointSource;
  readonly onDamage?: OnDamage | undefined;
}

/** All that is ever asked of a checkpoint. */
interface Reading {
  readonly facts: Made<CheckpointFacts>;
  readonly anchors: Made<CheckpointAnchors>;
  readonly told: Made<ToldCommits>;
}

interface Made<Item> {
  readonly item: Item;
  /** False: an object could not be read, and may be there the next time. */
  readonly isWhole: boolean;
}

interface Kind<Item> {
  readonly file: string;
  readonly of: (reading: Reading) => Made<Item>;
  readonly write: (item: Item) => string;
  /** undefined: the row is none. */
  readonly read: (listed: ListedCheckpoint, text: string) => Item | undefined;
}

const readsAtOnce = 64;
const mostReadings = 1000;
const factsKind: Kind<CheckpointFacts> = {
  file: "checkpoints",
  of: ({ facts }) => facts,
  write: factsRow,
  read: ({ id, version }, text) => factsOfRow(id, version, text),
};
const anchorsKind: Kind<CheckpointAnchors> = {
  file: "anchors",
  of: ({ anchors }) => anchors,
  write: ({ anchors }) => JSON.stringify({ anchors }),
  read: ({ id, version }, text) => {
    const anchors = objectIn(text)?.["anchors"];
    return Array.isArray(anchors) ? { id, version, anchors: anchors as readonly Anchor[] } : undefined;
  },
};
const toldKind: Kind<ToldCommits> = {
  file: "commits-told",
  of: ({ told }) => told,
  write: ({ commits }) => JSON.stringify({ commits }),
  read: ({ id }, text) => {
    const commits = objectIn(text)?.["commits"];
    return Array.isArray(commits) ? { id, commits: commits as readonly ObjectId[] } : undefined;
  },
};

async function readingOf({ objects }: Repository, stored: StoredCheckpoint): Promise<Reading> {
  const facts = await factsOf(objects, stored);
  const isWhole = stored.findings.every(({ code }) => code !== "object_missing" && code !== "object_damaged");
  return {
    facts: { item: facts, isWhole: isWhole && hasPrompts(stored, facts) },
    anchors: { item: anchorsOf(stored), isWhole },
    told: { item: { id: stored.id, commits: commitsToldBy(stored) }, isWhole },
  };
}

function hasPrompts({ sessions }: StoredCheckpoint, facts: CheckpointFacts): boolean {
  return sessions.every(
    ({ slot, prompt }) =>
      prompt === undefined || facts.sessions.every((one) => one.slot !== slot || one.prompt !== null),
  );
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
