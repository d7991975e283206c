import { join } from "node:path";
import { isHoldfastError } from "../../core/errors.ts";
import { fieldsOf, objectIn } from "../../core/json.ts";
import { readOwnFile, replaceOwnFile } from "../flow/own-files.ts";
import type { ObjectId } from "../plumbing/objects.ts";
import type { Repository } from "../plumbing/repository.ts";
import { type Anchor, maxAnchorFiles } from "./anchors.ts";
import type { CommitRecord } from "./commits.ts";

type Commit = Pick<CommitRecord, "id" | "tree" | "parents" | "subject">;

/** The anchors of commits, by commit; those that were computed once are kept in a file of this repository. */
export async function anchorCommits(
  repository: Repository,
  commits: readonly Commit[],
): Promise<ReadonlyMap<ObjectId, Anchor>> {
  const path = join(repository.commonDir, "holdfast", "index", "commits.json");
  const kept = readKept(path);
  const missing = commits.filter(({ id }) => !kept.has(id));
  for (let at = 0; at < missing.length; at += commitsAtOnce) {
    const batch = missing.slice(at, at + commitsAtOnce);
    for (const anchor of await computeAnchors(repository, batch)) kept.set(anchor.commit, anchor);
  }
  if (missing.length > 0) keep(path, kept);
  return new Map(commits.flatMap(({ id }) => (kept.has(id) ? [[id, kept.get(id)!]] : [])));
}

/** Computes the anchors of commits with three processes. */
export async function computeAnchors(
  repository: Repository,
  commits: readonly Commit[],
): Promise<readonly Anchor[]> {
  const ids = commits.map(({ id }) => id);
  const [files, patchIds] = await Promise.all([filesOf(repository, ids), patchIdsOf(repository, ids)]);
  return commits.map(({ id, tree, parents, subject }) => {
    const changed = files.get(id) ?? [];
    return {
      commit: id,
      parents,
      tree,
      patchId: patchIds.get(id) ?? null,
      subject,
      files: changed.slice(0, maxAnchorFiles),
      filesCount: changed.length,
    };
  });
}

/** The patch id of all that lies between two commits; null where that is nothing, or too much. */
export async function patchIdBetween(
  repository: Repository,
  from: ObjectId,
  to: ObjectId,
): Promise<string | null> {
  const patch = await bounded(repository, ["diff-tree", ...patchOptions, from, to]);
  const ids = patch === null ? [] : await patchIdsIn(repository, patch);
  return ids[0]?.patchId ?? null;
}

const commitsAtOnce = 200;
const maxPatchBytes = 64 * 1024 * 1024;
const maxKept = 20_000;
const maxIndexBytes = 256 * 1024 * 1024;
const formatVersion = 1;
// Whatever the user has set of how he sees patches: the same commit has to give the same id on every machine.
const patchOptions = [
  ...["-p", "-r", "--root", "--no-renames", "--no-color", "--no-ext-diff", "--no-textconv", "--full-index"],
  ...[
    "--unified=3",
    "--diff-algorithm=myers",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--ignore-submodules=none",
  ],
];

async function filesOf(
  repository: Repository,
  ids: readonly ObjectId[],
): Promise<ReadonlyMap<ObjectId, readonly string[]>> {
  const args = ["diff-tree", "--stdin", "-r", "-z", "--root", "--name-only", "--no-renames"];
  const output = await bounded(repository, args, `${ids.join("\n")}\n`);
  const files = new Map<ObjectId, string[]>();
  const asked = new Set(ids);
  let current: string[] = [];
  for (const part of output?.toString().split("\0") ?? []) {
    if (asked.has(part)) files.set(part, (current = []));
    else if (part !== "") current.push(part);
  }
  return files;
}

async function patchIdsOf(
  repository: Repository,
  ids: readonly ObjectId[],
): Promise<ReadonlyMap<ObjectId, string>> {
  const patch = await bounded(repository, ["diff-tree", "--stdin", ...patchOptions], `${ids.join("\n")}\n`);
  if (patch !== null) {
    const found = await patchIdsIn(repository, patch);
    return new Map(found.map(({ commit, patchId }) => [commit, patchId]));
  }
  if (ids.length <= 1) return new Map();
  // One of them is too large: the others still have theirs.
  const half = Math.ceil(ids.length / 2);
  const first = await patchIdsOf(repository, ids.slice(0, half));
  return new Map([...first, ...(await patchIdsOf(repository, ids.slice(half)))]);
}

async function patchIdsIn(
  repository: Repository,
  patch: Buffer,
): Promise<readonly { readonly commit: ObjectId; readonly patchId: string }[]> {
  const { stdout } = await repository.git(["patch-id", "--stable"], { input: patch, timeoutMs: 120_000 });
  return stdout
    .toString()
    .split("\n")
    .flatMap((line) => {
      const [patchId, commit] = line.split(" ");
      return patchId !== undefined && commit !== undefined ? [{ commit, patchId }] : [];
    });
}

async function bounded(
  repository: Repository,
  args: readonly string[],
  input?: string,
): Promise<Buffer | null> {
  try {
    const options = {
      maxBytes: maxPatchBytes,
      timeoutMs: 120_000,
      ...(input === undefined ? {} : { input }),
    };
    return (await repository.git(args, options)).stdout;
  } catch (error) {
    if (isHoldfastError(error) && error.code === "git_output_too_large") return null;
    throw error;
  }
}

function readKept(path: string): Map<ObjectId, Anchor> {
  const bytes = readOwnFile(path, { maxBytes: maxIndexBytes });
  const file = Buffer.isBuffer(bytes) ? objectIn(bytes.toString()) : undefined;
  if (file?.["version"] !== formatVersion || !Array.isArray(file["anchors"])) return new Map();
  const anchors = file["anchors"].filter((item) => typeof fieldsOf(item)?.["commit"] === "string");
  return new Map((anchors as Anchor[]).map((anchor) => [anchor.commit, anchor]));
}

function keep(path: string, anchors: ReadonlyMap<ObjectId, Anchor>): void {
  try {
    const latest = [...anchors.values()].slice(-maxKept);
    replaceOwnFile(path, JSON.stringify({ version: formatVersion, anchors: latest }));
  } catch {
    // It only saves time.
  }
}
