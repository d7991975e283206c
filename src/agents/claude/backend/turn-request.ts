import { statSync } from "node:fs";
import type { Turn } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import { type Fields, fieldsOf, objectIn, textOf } from "../../../core/json.ts";
import { permissionModes } from "../permission-modes.ts";

/** What an input asks for, as its body says. */
export interface TurnRequest extends TurnChoices {
  readonly prompt: string;
  readonly attachments: readonly Attachment[];
}

/** What may be chosen for a turn; what it does not choose stays as it was. */
export interface TurnChoices {
  readonly model?: string;
  readonly permissionMode?: string;
  readonly cwd?: string;
}

/** A file for the model: of the working folder, or its bytes in base64. */
export interface Attachment {
  /** What the model is told that it is; default is the path's last part. */
  readonly name?: string;
  readonly path?: string;
  readonly data?: string;
  readonly mediaType?: string;
}

/** Reads the body of an input. @throws invalid_input */
export function readRequest(input: Turn["input"], { allowsBypass }: RequestLimits): TurnRequest {
  const body = objectIn(input.body);
  if (body === undefined) throw invalid("body", "no JSON object");
  refuseUnknown(body, ["prompt", "attachments", ...choiceNames]);
  const attachments = body["attachments"] ?? [];
  if (!Array.isArray(attachments)) throw invalid("attachments", "no list");
  const choices: TurnChoices = textsIn(body, choiceNames);
  checkMode(choices, allowsBypass);
  if (choices.cwd !== undefined && !isFolder(choices.cwd)) throw invalid("cwd", "no folder of this machine");
  const request = { prompt: promptIn(body), attachments: attachments.map(attachmentIn), ...choices };
  // An answer to nothing is paid for like any other.
  if (request.prompt === "" && attachments.length === 0) throw invalid("prompt", "empty");
  return request;
}

export interface RequestLimits {
  /** An input may ask for no questions at all. */
  readonly allowsBypass: boolean;
}

/** Whether an agent can work there. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const choiceNames = ["model", "permissionMode", "cwd"] as const;

function promptIn({ prompt }: Fields): string {
  const text = textOf(prompt ?? "");
  if (text === undefined) throw invalid("prompt", "no text");
  return text.trim() === "" ? "" : text;
}

// The agent's process would end over a mode that it does not know.
function checkMode({ permissionMode }: TurnChoices, allowsBypass: boolean): void {
  if (permissionMode === undefined) return;
  if (!permissionModes.some((mode) => mode === permissionMode))
    throw invalid("permissionMode", `none of ${permissionModes.join(", ")}`);
  if (permissionMode === "bypassPermissions" && !allowsBypass)
    throw invalid("permissionMode", "bypassPermissions, which this backend does not allow");
}

function refuseUnknown(fields: Fields, known: readonly string[], before = ""): void {
  const unknown = Object.keys(fields).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw invalid(`${before}${unknown.slice(0, 100)}`, `unknown: it may have ${known.join(", ")}`);
}

function attachmentIn(value: unknown, index: number): Attachment {
  const name = `attachments[${index}]`;
  const fields = fieldsOf(value);
  if (fields === undefined) throw invalid(name, "no object");
  const names = ["name", "path", "data", "mediaType"];
  refuseUnknown(fields, names, `${name}.`);
  const attachment = textsIn(fields, names, `${name}.`);
  const isOne = (attachment["path"] === undefined) !== (attachment["data"] === undefined);
  if (!isOne) throw invalid(name, "not one of `path` and `data`");
  return attachment;
}

function textsIn(fields: Fields, names: readonly string[], before = ""): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = fields[name];
    if (value === undefined || value === null) continue;
    const text = textOf(value);
    if (text === undefined || text === "") throw invalid(`${before}${name}`, "no text");
    found[name] = text;
  }
  return found;
}

function invalid(name: string, what: string): HoldfastError {
  return new HoldfastError({
    code: "invalid_input",
    message: `The input's ${name} is ${what}.`,
    next: "Correct the input's body, and admit it under another key.",
    data: { name },
  });
}
