import { constants } from "node:fs";
import { appendFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { identityText } from "./commit-bytes.ts";
import { codeOf } from "./durable-file.ts";
import type { Identity, ObjectId } from "./objects.ts";
import { removeEmptyFolders } from "./ref-lock.ts";
import type { Settings } from "./settings.ts";

/** Whether git would begin a reflog for a ref (`core.logAllRefUpdates`); one that is there it always continues. */
export function beginsReflog(name: string, { reflogs }: Settings, isBare: boolean): boolean {
  if (reflogs === "always") return true;
  if (reflogs === "never" || (reflogs === undefined && isBare)) return false;
  return (
    name === "HEAD" ||
    ["refs/heads/", "refs/remotes/", "refs/notes/"].some((prefix) => name.startsWith(prefix))
  );
}

/** Appends a line to a reflog, and makes it where `begin` says so. */
export async function appendReflog(
  path: string,
  line: { from: ObjectId; to: ObjectId; who: Identity; reason: string; begin: boolean },
): Promise<void> {
  const text = `${line.from} ${line.to} ${identityText(line.who)}\t${line.reason.replaceAll(/\s+/g, " ").trim()}\n`;
  const flag = line.begin ? "a" : appendOnly;
  try {
    await appendFile(path, text, { flag, mode: 0o666 });
  } catch (error) {
    const code = codeOf(error);
    if (!line.begin && (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR")) return;
    if (code === "ENOENT") await mkdir(dirname(path), { recursive: true });
    // Folders of reflogs that are no more.
    else if (code === "EISDIR") await removeEmptyFolders(path);
    else throw error;
    await appendFile(path, text, { flag, mode: 0o666 });
  }
}

// Without O_CREAT, which no letters stand for: a reflog that git did not begin is not begun.
const appendOnly = constants.O_WRONLY | constants.O_APPEND;
