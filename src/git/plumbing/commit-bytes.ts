import { invalidObject } from "./invalid-object.ts";
import type { Commit, Identity, ObjectId } from "./objects.ts";

/** A commit as git stores it. @throws git_object_invalid where `git fsck --strict` would complain */
export function commitBytes({ tree, parents, author, committer, message }: Commit, idLength: number): Buffer {
  for (const id of [tree, ...parents])
    if (id.length !== idLength * 2 || !/^[0-9a-f]+$/.test(id))
      throw unwritable(`An id in a commit is none: ${JSON.stringify(id.slice(0, 80))}`);
  if (message.includes("\0")) throw unwritable("The message of a commit holds NUL");
  const lines = [
    `tree ${tree}`,
    ...parents.map((parent) => `parent ${parent}`),
    `author ${identityText(author)}`,
    `committer ${identityText(committer)}`,
  ];
  return Buffer.from(`${lines.join("\n")}\n\n${message}`);
}

/** Reads a commit, which may be hostile. @throws git_object_invalid */
export function parseCommit(bytes: Buffer, idLength: number): Commit {
  const split = bytes.indexOf("\n\n");
  const head = bytes.toString("latin1", 0, split < 0 ? bytes.length : split).split("\n");
  const rest = split < 0 ? Buffer.alloc(0) : bytes.subarray(split + 2);
  // A line that begins with a space continues a signature: it is never a field.
  const all = (name: string): string[] =>
    head.filter((line) => line.startsWith(`${name} `)).map((line) => line.slice(name.length + 1));
  const decode = decoder(all("encoding")[0]);
  const isId = (id: ObjectId | undefined): id is ObjectId =>
    id !== undefined && id.length === idLength * 2 && /^[0-9a-f]+$/.test(id);
  const [tree, parents] = [all("tree")[0], all("parent")];
  if (!isId(tree) || !parents.every(isId))
    throw invalidObject("A commit names no tree, or no parent where one should be");
  const who = (name: string): Identity =>
    parseIdentity(decode(Buffer.from(all(name)[0] ?? "", "latin1"))) ?? nobody;
  return { tree, parents, author: who("author"), committer: who("committer"), message: decode(rest) };
}

/** As git writes it: `Name <email> seconds offset`; what a line of a header cannot hold is left out. */
export function identityText({ name, email, atMs, offset }: Identity): string {
  const seconds = Math.floor(atMs / 1000);
  if (!Number.isSafeInteger(seconds) || seconds < 0 || !/^[+-]\d{4}$/.test(offset))
    throw unwritable(`A commit cannot be dated ${atMs} ms, ${JSON.stringify(offset)}`);
  return `${plain(name, "unknown")} <${plain(email, "")}> ${seconds} ${offset}`;
}

/** Reads an identity; a missing or absurd date is that of 1970. */
export function parseIdentity(text: string): Identity | undefined {
  const [open, close] = [text.indexOf("<"), text.lastIndexOf(">")];
  if (open < 0 || close < open) return undefined;
  const [, seconds = "0", offset = "+0000"] =
    /^ *(\d{1,13})(?: ([+-]\d{4}))?$/.exec(text.slice(close + 1)) ?? [];
  return {
    name: text.slice(0, open).trim(),
    email: text.slice(open + 1, close).trim(),
    atMs: Number(seconds) * 1000,
    offset,
  };
}

const nobody: Identity = { name: "", email: "", atMs: 0, offset: "+0000" };

function plain(text: string, instead: string): string {
  // The same as git leaves out of `user.name`.
  const kept = text.replaceAll(/[\p{Cc}<>]/gu, "").replaceAll(/^[\s.,:;<>"\\']+|[\s.,:;<>"\\']+$/g, "");
  return kept === "" ? instead : kept;
}

function decoder(encoding: string | undefined): (bytes: Buffer) => string {
  if (encoding === undefined) return (bytes) => bytes.toString();
  try {
    const text = new TextDecoder(encoding.slice(0, 40));
    return (bytes) => text.decode(bytes);
  } catch {
    return (bytes) => bytes.toString();
  }
}

function unwritable(what: string): Error {
  return invalidObject(what, "Change it and write again.");
}
