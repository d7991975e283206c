import { HoldfastError } from "../../core/errors.ts";
import type { LogKey } from "../../core/ids.ts";
import type { ClaudeSessionKey } from "./contract.ts";

/** A fixed project for all, or a function of the SDK's projectKey; without it that key itself. */
export type ProjectMapping = string | ((projectKey: string) => string) | undefined;

/** The project that keeps the sessions of an SDK's projectKey. */
export function projectOf(mapping: ProjectMapping, projectKey: string): string {
  return typeof mapping === "function" ? mapping(projectKey) : (mapping ?? projectKey);
}

/** The log that keeps a transcript. @throws invalid_key for a subpath that is empty or begins with @ */
export function logOf(mapping: ProjectMapping, { projectKey, sessionId, subpath }: ClaudeSessionKey): LogKey {
  if (subpath === "" || subpath?.startsWith("@") === true) throw badSubpath(subpath);
  return { project: projectOf(mapping, projectKey), session: sessionId, log: subpath ?? "" };
}

/** One text for equal logs. */
export function idOf({ project, session, log }: LogKey): string {
  return JSON.stringify([project, session, log]);
}

function badSubpath(subpath: string): HoldfastError {
  return new HoldfastError({
    code: "invalid_key",
    message: `The subpath "${subpath}" is empty or begins with @, which Holdfast keeps for itself.`,
    next: "Leave subpath out for the main transcript, or name it otherwise.",
  });
}
