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

/** Appends a line to a reflog. */
export async function appendReflog(
  path: string,
  line: { from: ObjectId; to: ObjectId; who: Identity; reason: string; begin: boolean },
): Promise<void> {
  const text = `${line.from} ${line.to} ${identityText(line.who)}\t${line.reason.replaceAll(/\s+/g, " ").trim()}\n`;
  if (!line.begin) return appendExisting(path, text);
  try {
    await appendFile(path, text, { mode: 0o666 });
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") await mkdir(dirname(path), { recursive: true });
    else if (code === "EISDIR") await removeEmptyFolders(path);
    else throw error;
    await appendFile(path, text, { mode: 0o666 });
  }
}

async function appendExisting(path: string, text: string): Promise<void> {
  try {
    // Without O_CREAT: a reflog that git did not begin is not begun.
    await appendFile(path, text, { flag: appendOnly });
  } catch (error) {
    if (!["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(error) ?? "")) throw error;
  }
}

// O_WRONLY | O_APPEND, which no letters stand for.
const appendOnly = constants.O_WRONLY | constants.O_APPEND;
