import { HoldfastError } from "../../core/errors.ts";

/** How an id is formed: 12 hex digits, or a ULID in upper case. */
export type IdShape = "hex" | "ulid";

/** Bytes that nobody can guess. */
export type RandomBytes = (count: number) => Uint8Array;

/** The shape of an id; undefined where it is none (specification, section 1). */
export function shapeOfId(id: string): IdShape | undefined {
  if (/^[0-9a-f]{12}$/.test(id)) return "hex";
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id) ? "ulid" : undefined;
}

/** Refuses what is no checkpoint id. @throws checkpoint_invalid */
export function checkId(id: string): IdShape {
  const shape = shapeOfId(id);
  if (shape !== undefined) return shape;
  throw new HoldfastError({
    code: "checkpoint_invalid",
    message: `${JSON.stringify(id.slice(0, 64))} is no checkpoint id.`,
    next: "Give 12 lower-case hex digits, or a ULID in upper case.",
  });
}

/** A new id of 6 random bytes. */
export function mintHexId(random: RandomBytes): string {
  return hexOf(random(6));
}

/** A new ULID: 48 bits of time and 80 of randomness. */
export function mintUlid({
  nowMs,
  random,
}: {
  readonly nowMs: number;
  readonly random: RandomBytes;
}): string {
  let bits = (BigInt(Math.trunc(nowMs)) << 80n) | BigInt(`0x${hexOf(random(10))}`);
  let id = "";
  for (let at = 0; at < 26; at += 1, bits >>= 5n) id = crockford[Number(bits & 31n)]! + id;
  return id;
}

/** When a ULID was minted, in ms since 1970. */
export function ulidTimeMs(id: string): number {
  let time = 0;
  for (const digit of id.slice(0, 10)) time = time * 32 + crockford.indexOf(digit);
  return time;
}

/** ULIDs from the newest, then hex ids, which tell no time, by name. */
export function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return b.length - a.length;
  const order = a < b ? -1 : Number(a > b);
  return a.length === 26 ? -order : order;
}

/** Where a checkpoint lies in a tree of many: sharded by its first two characters (section 1). */
export function treePathOf(id: string): { readonly shard: string; readonly name: string } {
  return { shard: id.slice(0, 2), name: id.slice(2) };
}

/** The id of a path in a tree of many; undefined where the path is foreign. */
export function idOfTreePath({
  shard,
  name,
}: {
  readonly shard: string;
  readonly name: string;
}): string | undefined {
  return shard.length === 2 && shapeOfId(shard + name) !== undefined ? shard + name : undefined;
}

/** The ref of a checkpoint: sharded by its last two characters (section 4). */
export function refOfCheckpoint(id: string): string {
  return `${checkpointRefs}${id.slice(-2)}/${id}`;
}

/** What the names of all checkpoint refs begin with. */
export const checkpointRefs = "refs/entire/checkpoints/";

/** The id in a ref's name; undefined where the name is foreign, such as that of a v2 ref. */
export function idOfRef(ref: string): string | undefined {
  if (!ref.startsWith(checkpointRefs)) return undefined;
  const id = ref.slice(checkpointRefs.length + 3);
  return shapeOfId(id) !== undefined && ref === refOfCheckpoint(id) ? id : undefined;
}

/** The ref of a checkpoint whose shard is in other letters, by its own name; any other ref as it is. */
export function inOwnShard(ref: string): string {
  const id = ref.startsWith(checkpointRefs) ? ref.slice(checkpointRefs.length + 3) : "";
  if (shapeOfId(id) === undefined) return ref;
  const own = refOfCheckpoint(id);
  return own.toLowerCase() === ref.toLowerCase() ? own : ref;
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
