import { HoldfastError } from "./errors.ts";

/** The longest project, session or log name, in UTF-16 code units. */
const maxNameLength = 2048;

/** Names one session: a conversation with one agent inside a project. */
export interface SessionKey {
  readonly project: string;
  readonly session: string;
}

/** Names one log of a session: `""` is the main transcript, `@…` are Holdfast's own. */
export interface LogKey extends SessionKey {
  readonly log: string;
}

/** Refuses a session key that no store could keep exactly. @throws invalid_key */
export function checkSessionKey(key: SessionKey): void {
  checkName("project", key.project);
  checkName("session", key.session);
}

/** Refuses a log key that no store could keep exactly. @throws invalid_key */
export function checkLogKey(key: LogKey): void {
  checkSessionKey(key);
  if (key.log !== "") checkName("log", key.log);
}

/** True for logs that Holdfast writes for itself; no agent may name one. */
export function isOwnLog(log: string): boolean {
  return log.startsWith("@");
}

function checkName(kind: string, name: unknown): void {
  const fault = faultOf(name);
  if (fault === undefined) return;
  throw new HoldfastError({
    code: "invalid_key",
    message: `The ${kind} name ${fault}.`,
    next: `Give a ${kind} name of 1 to ${maxNameLength} characters of well-formed text without NUL.`,
    data: { kind, length: typeof name === "string" ? name.length : undefined },
  });
}

// NUL ends a text in C libraries, and a lone surrogate has no UTF-8 form: two keys would become one.
function faultOf(name: unknown): string | undefined {
  if (typeof name !== "string") return "is not a string";
  if (name === "") return "is empty";
  if (name.length > maxNameLength) return `has ${name.length} characters`;
  if (name.includes("\0")) return "holds a NUL character";
  if (!name.isWellFormed()) return "holds half of a surrogate pair";
  return undefined;
}
