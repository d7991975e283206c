import { statSync } from "node:fs";
import { promptOf, type Turn } from "../../../core/agent.ts";
import { HoldfastError } from "../../../core/errors.ts";
import { fieldsOf, objectIn, textOf } from "../../../core/json.ts";

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
export function readRequest(input: Turn["input"]): TurnRequest {
  const body = objectIn(input.body) ?? {};
  const attachments = body["attachments"] ?? [];
  if (!Array.isArray(attachments)) throw invalid("attachments", "no list");
  const choices: TurnChoices = textsIn(body, ["model", "permissionMode", "cwd"]);
  if (choices.cwd !== undefined && !isFolder(choices.cwd)) throw invalid("cwd", "no folder of this machine");
  return { prompt: promptOf(input), attachments: attachments.map(attachmentIn), ...choices };
}

/** Whether an agent can work there. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function attachmentIn(value: unknown, index: number): Attachment {
  const name = `attachments[${index}]`;
  const fields = fieldsOf(value);
  if (fields === undefined) throw invalid(name, "no object");
  const attachment = textsIn(fields, ["name", "path", "data", "mediaType"], `${name}.`);
  const isOne = (attachment["path"] === undefined) !== (attachment["data"] === undefined);
  if (!isOne) throw invalid(name, "not one of `path` and `data`");
  return attachment;
}

function textsIn(
  fields: Readonly<Record<string, unknown>>,
  names: readonly string[],
  before = "",
): Record<string, string> {
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
