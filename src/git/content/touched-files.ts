import { type Fields, fieldsOf, objectIn, textOf } from "../../core/json.ts";

/** The files that the tool calls of one line write, as they name them. */
export function filesWrittenBy(line: string): string[] {
  const fields = line.includes("patch") || line.includes("tool") ? objectIn(line) : undefined;
  if (fields === undefined) return [];
  const payload = fieldsOf(fields["payload"]);
  if (payload !== undefined) return patchedFiles(payload);
  const content = fieldsOf(fields["message"])?.["content"] ?? fields["content"];
  if (!Array.isArray(content)) return [];
  return content.flatMap((block) => writtenByCall(fieldsOf(block) ?? {}));
}

// Names of Claude Code and of Cursor.
const writers =
  /^(?:Write|Edit|MultiEdit|NotebookEdit|StrReplace|search_replace|edit_file|write|write_file|delete_file|Delete|create_file|ApplyPatch|apply_patch)$/;
const pathKeys = ["file_path", "filePath", "notebook_path", "path", "target_file", "target_notebook"];
const maxPathLength = 4096;

function writtenByCall(block: Fields): string[] {
  if (block["type"] !== "tool_use" && block["type"] !== "tool-call") return [];
  const name = textOf(block["name"]) ?? textOf(block["toolName"]) ?? "";
  if (!writers.test(name)) return [];
  const told = block["input"] ?? block["args"];
  const input = fieldsOf(told) ?? {};
  const named = pathKeys.flatMap((key) => textOf(input[key]) ?? []).filter(isPath);
  return named.length > 0
    ? named
    : filesInPatch(textOf(told) ?? textOf(input["patch"]) ?? textOf(input["input"]) ?? "");
}

/** Codex writes files by patches, as a tool or within a command. */
function patchedFiles(payload: Fields): string[] {
  const type = payload["type"];
  if (type === "custom_tool_call") return filesInPatch(textOf(payload["input"]) ?? "");
  if (type === "function_call") {
    const input = objectIn(textOf(payload["arguments"]) ?? "");
    const command = input?.["command"];
    const words = Array.isArray(command)
      ? command
      : [input?.["input"] ?? input?.["patch"] ?? input?.["cmd"] ?? command];
    return words.flatMap((word) => filesInPatch(textOf(word) ?? ""));
  }
  if (type !== "patch_apply_end" && type !== "patch_apply_begin") return [];
  return Object.keys(fieldsOf(payload["changes"]) ?? {}).filter(isPath);
}

function filesInPatch(patch: string): string[] {
  if (!patch.includes("*** Begin Patch")) return [];
  const named = patch.matchAll(/^\*\*\* (?:(?:Add|Update|Delete) File|Move to): (.{1,4096})$/gm);
  return [...named].map(([, path]) => path!.trim()).filter(isPath);
}

function isPath(path: string): boolean {
  return path !== "" && path.length <= maxPathLength && !/\p{Cc}/u.test(path);
}
