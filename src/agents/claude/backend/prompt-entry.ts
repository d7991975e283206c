import type { Entry } from "../../../core/entry.ts";
import type { RunEvent } from "../../../core/event.ts";
import type { Run } from "../../../core/run.ts";

/**
 * The prompt's entry of an agent that was killed before it wrote a line, as its run's events tell it; undefined where
 * they do not tell what the agent was asked, or what the SDK calls the session.
 */
export function promptEntry({ startedAtMs }: Run, events: readonly RunEvent[]): Entry | undefined {
  const asked = events.find(({ type, entry }) => type === "user" && entry !== undefined);
  const told = events.flatMap((event) => (event.type === "status" ? [event] : []));
  const sessionId = told.findLast(({ resume }) => resume !== undefined)?.resume;
  if (asked?.type !== "user" || asked.entry === undefined || sessionId === undefined) return undefined;
  const cwd = told.findLast(({ settings }) => settings?.cwd !== undefined)?.settings?.cwd;
  const entry = {
    parentUuid: null,
    isSidechain: false,
    userType: "external",
    ...(cwd !== undefined && { cwd }),
    sessionId,
    type: "user",
    message: { role: "user", content: asked.text },
    // The one that the agent was given: should its own entry come after all, it is known.
    uuid: asked.entry,
    timestamp: new Date(startedAtMs).toISOString(),
  };
  return { seq: 0, atMs: startedAtMs, uuid: asked.entry, body: JSON.stringify(entry) };
}
