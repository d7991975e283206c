import { type Fields, fieldsOf, textOf } from "../../core/json.ts";

/** A text that a tool call puts into a file. */
export interface WrittenText {
  /** As the call names the file; undefined where only a command names it. */
  readonly path: string | undefined;
  readonly lines: readonly string[];
  /** Lines that it replaces. */
  readonly replaced: readonly string[];
  /** `edit`: the tool says what it writes; `command`: a shell's text holds it. */
  readonly by: "edit" | "command";
}

/** The texts that a tool call writes, whichever agent's tool it is. */
export function writtenTexts(name: string, input: unknown): readonly WrittenText[] {
  const fields = fieldsOf(input) ?? {};
  const patches = [textOf(input), ...patchKeys.map((key) => textOf(fields[key])), ...commandTexts(fields)]
    .filter((text) => text !== undefined)
    .filter((text) => text.includes("*** Begin Patch"));
  if (patches.length > 0) return patches.flatMap(patchTexts);
  const path = pathKeys.map((key) => textOf(fields[key])).find((text) => text !== undefined && text !== "");
  if (path !== undefined) return editTexts(path, fields);
  if (!commandTools.test(name)) return [];
  return commandTexts(fields).map((text) => ({
    path: undefined,
    lines: linesOf(text),
    replaced: [],
    by: "command",
  }));
}

// Of Claude Code, Cursor, Gemini and Codex.
const pathKeys = ["file_path", "filePath", "notebook_path", "path", "target_file", "absolute_path"];
const newKeys = [
  "content",
  "contents",
  "new_string",
  "new_str",
  "newText",
  "new_source",
  "code_edit",
  "file_text",
];
const oldKeys = ["old_string", "old_str", "oldText"];
const patchKeys = ["input", "patch", "patch_text"];
const commandTools = /bash|shell|exec|terminal|command/i;

function editTexts(path: string, fields: Fields): readonly WrittenText[] {
  const edits = Array.isArray(fields["edits"]) ? fields["edits"].slice(0, maxEdits) : [];
  return [fields, ...edits.map((edit) => fieldsOf(edit) ?? {})].flatMap((edit) => {
    const text = firstText(edit, newKeys);
    if (text === undefined) return [];
    return [
      { path, lines: linesOf(text), replaced: linesOf(firstText(edit, oldKeys) ?? ""), by: "edit" as const },
    ];
  });
}

const maxEdits = 1000;

/** A patch as Codex writes it: `*** Update File: path`, then lines that begin with `+`, `-` or a space. */
function patchTexts(patch: string): readonly WrittenText[] {
  const texts: { path: string; lines: string[]; replaced: string[]; by: "edit" }[] = [];
  for (const line of linesOf(patch)) {
    const path = /^\*\*\* (?:(?:Add|Update) File|Move to): (.+)$/.exec(line)?.[1];
    if (path !== undefined) texts.push({ path: path.trim(), lines: [], replaced: [], by: "edit" });
    else if (line.startsWith("+")) texts.at(-1)?.lines.push(line.slice(1));
    else if (line.startsWith("-")) texts.at(-1)?.replaced.push(line.slice(1));
  }
  return texts;
}

function commandTexts(fields: Fields): string[] {
  return [fields["command"], fields["cmd"], fields["script"]].flatMap((value) => {
    if (typeof value === "string") return [value];
    return Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
  });
}

function firstText(fields: Fields, keys: readonly string[]): string | undefined {
  return keys.map((key) => textOf(fields[key])).find((text) => text !== undefined);
}

function linesOf(text: string): string[] {
  return text.split(/\r?\n/);
}
