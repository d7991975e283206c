import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import type { Repository } from "../../src/git/plumbing/repository.ts";
import { gitTestEnv, makeRepository, type RepositoryKind, type TestRepository } from "./repositories.ts";
import { copyRepository } from "./repository-copy.ts";

/** A repository of a test's own, opened. */
export interface Opened {
  readonly place: TestRepository;
  readonly repository: Repository;
}

/** Gives each test that follows a new repository; git finds nothing wrong in it afterwards, unless tests damage theirs. */
export function openedForEach(
  isReady: (opened: Opened) => void,
  { areDamaged = false }: { readonly areDamaged?: boolean } = {},
): void {
  let template: TestRepository;
  let opened: Opened;
  beforeAll(async () => {
    template = await makeRepository("plain");
  });
  afterAll(() => template[Symbol.dispose]());
  beforeEach(async () => isReady((opened = await open(copyRepository(template)))));
  afterEach(() => close(opened, !areDamaged));
}

/** Gives all tests that follow one repository, in which git finds nothing wrong at their end. */
export function openedForAll(isReady: (opened: Opened) => void, kind: RepositoryKind = "plain"): void {
  let opened: Opened;
  beforeAll(async () => isReady((opened = await open(await makeRepository(kind)))));
  afterAll(() => close(opened, true));
}

async function open(place: TestRepository): Promise<Opened> {
  return { place, repository: await openRepository({ cwd: place.path, env: gitTestEnv }) };
}

async function close({ place, repository }: Opened, isToBeClean: boolean): Promise<void> {
  await repository[Symbol.asyncDispose]();
  try {
    if (isToBeClean) await place.fsckClean();
  } finally {
    place[Symbol.dispose]();
  }
}
