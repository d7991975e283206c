import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { objectIn } from "../../core/json.ts";
import { hasOwnHooks, withoutOwnHooks } from "./claude-settings.ts";
import { flowPaths } from "./flow-paths.ts";
import { readOwnFile, replaceOwnFile } from "./own-files.ts";

/** A settings file as it was before our hooks, and with them. */
interface SettingsNote {
  readonly before: string;
  readonly after: string;
}

/**
 * Notes what a settings file was, where our hooks cannot be taken out of it without a trace: what was empty before
 * goes with them. `before` is null where there is no file.
 */
export function noteSettings(
  commonDir: string,
  path: string,
  { before, after }: { readonly before: string | null; readonly after: string },
): void {
  const known = readNote(commonDir, path);
  const isOurs = before !== null && known?.after === before;
  const first = isOurs ? known.before : before === null || hasOwnHooks(before) ? null : before;
  const file = fileOf(commonDir, path);
  if (first === null || withoutOwnHooks(after, path) === first) rmSync(file, { force: true });
  else replaceOwnFile(file, JSON.stringify({ before: first, after }));
}

/** A settings file without our hooks, as it was where nobody has changed it since; null where there was none. @throws git_settings_invalid */
export function settingsBefore(commonDir: string, path: string, text: string): string | null {
  const note = readNote(commonDir, path);
  return note?.after === text ? note.before : (withoutOwnHooks(text, path) ?? note?.before ?? null);
}

function readNote(commonDir: string, path: string): SettingsNote | undefined {
  const bytes = readOwnFile(fileOf(commonDir, path), { maxBytes: maxNoteBytes });
  const { before, after } = (Buffer.isBuffer(bytes) ? objectIn(bytes.toString("utf8")) : undefined) ?? {};
  return typeof before === "string" && typeof after === "string" ? { before, after } : undefined;
}

// Both texts, escaped.
const maxNoteBytes = 64 << 20;

function fileOf(commonDir: string, path: string): string {
  const name = createHash("sha256").update(path).digest("hex").slice(0, 32);
  return join(flowPaths(commonDir).settings, `${name}.json`);
}
