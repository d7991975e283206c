import { isUtf8 } from "node:buffer";
import { invalidObject } from "./invalid-object.ts";
import type { TreeEntry } from "./objects.ts";

/**
 * A tree as git stores it, sorted as git does. @throws git_object_invalid where `git fsck --strict` would complain of
 * anything but a foreign name
 */
export function treeBytes(entries: readonly TreeEntry[], idLength: number): Buffer {
  const names = new Set<string>();
  const lines = entries.map(({ mode, name, id, isForeign }) => {
    const wrong = isForeign === true ? undefined : wrongName(name);
    const reason = wrong ?? (names.has(name) ? "is there twice" : undefined);
    if (reason !== undefined) throw unwritable(`The name ${JSON.stringify(name)} in a tree ${reason}`);
    if (!modes.has(mode))
      throw unwritable(`The mode ${JSON.stringify(mode)} of ${JSON.stringify(name)} is none`);
    if (id.length !== idLength * 2 || !/^[0-9a-f]+$/.test(id))
      throw unwritable(
        `The id of ${JSON.stringify(name)} in a tree is none: ${JSON.stringify(id.slice(0, 80))}`,
      );
    names.add(name);
    // git sorts the name of a folder as if it ended in a slash.
    const bytes = bytesOf(name);
    const sortBytes = mode === "40000" ? Buffer.concat([bytes, slash]) : bytes;
    return { sortBytes, mode: Buffer.from(`${mode} `), bytes, id: Buffer.from(id, "hex") };
  });
  lines.sort((a, b) => Buffer.compare(a.sortBytes, b.sortBytes));
  return Buffer.concat(lines.flatMap(({ mode, bytes, id }) => [mode, bytes, nul, id]));
}

/** Reads a tree, which may be hostile: every name is one that can stand in a folder, or is marked as foreign. @throws git_object_invalid */
export function parseTree(bytes: Buffer, idLength: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(0x20, at);
    const end = space < 0 ? -1 : bytes.indexOf(0, space);
    // A mode has at most six digits: a longer one is not looked for through the whole tree.
    if (end < 0 || space - at > 7 || end + 1 + idLength > bytes.length)
      throw damaged("is cut off or no tree");
    const mode = modeOf(bytes.toString("latin1", at, space));
    const name = nameOf(bytes.subarray(space + 1, end));
    at = end + 1 + idLength;
    const entry = { mode, name, id: bytes.toString("hex", end + 1, at) };
    entries.push(wrongName(name) === undefined ? entry : { ...entry, isForeign: true });
  }
  return entries;
}

const modes: ReadonlySet<string> = new Set(["100644", "100755", "120000", "40000", "160000"]);

function modeOf(text: string): TreeEntry["mode"] {
  const mode = text.replace(/^0+/, "");
  if (modes.has(mode)) return mode as TreeEntry["mode"];
  // Written by gits before 2005 and by importers.
  if (/^100[0-7]{3}$/.test(mode)) return (Number.parseInt(mode, 8) & 0o100) === 0 ? "100644" : "100755";
  throw damaged(`has a mode that git does not know: ${JSON.stringify(text)}`);
}

const [slash, nul] = [Buffer.from("/"), Buffer.from([0])];

function nameOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  return bytes
    .toString("latin1")
    .replaceAll(/[\u0080-\u00ff]/g, (byte) => String.fromCharCode(byte.charCodeAt(0) + 0xdc00));
}

function bytesOf(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name);
  const latin = name.replaceAll(/[\udc80-\udcff]/g, (half) =>
    String.fromCharCode(half.charCodeAt(0) - 0xdc00),
  );
  return Buffer.from(latin, "latin1");
}

function wrongName(name: string): string | undefined {
  if (name === "" || name === "." || name === "..") return "leads elsewhere";
  if (/[/\0]/.test(name)) return "holds a slash or NUL";
  if (name.includes("�") || !name.isWellFormed()) return "is not text";
  // What HFS+ leaves out, and what NTFS takes for the same, as `git fsck --strict` knows it.
  const plain = name.replaceAll(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, "");
  return /^(?:\.git|git~1)(?:[\s.]*(?:[:\\].*)?)$/i.test(plain) ? "stands for git's own folder" : undefined;
}

function damaged(reason: string): Error {
  return invalidObject(`A tree ${reason}`);
}

function unwritable(what: string): Error {
  return invalidObject(what, "Use another name, mode or id.");
}
