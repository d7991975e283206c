import type { LiveEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf, objectIn, textOf } from "../../../core/json.ts";
import { assistantEvents, userEvents } from "./content-events.ts";
import { compactionEvent } from "./system-events.ts";

/**
 * What the entries of one log tell, as the events that `mapSdkMessage` gives of the messages they were made with; what
 * tells nothing, or cannot be read, is passed over. What the responses used is told by their last entries.
 */
export function eventsOf(bodies: readonly string[]): readonly LiveEvent[] {
  const entries = bodies.map(objectIn).filter((entry) => entry !== undefined);
  const calls = callsByAgent(entries);
  const told = new Set<string>();
  return entries
    .flatMap(eventsOfEntry(calls))
    .toReversed()
    .filter((event) => {
      if (event.type !== "usage") return true;
      const isFirst = !told.has(event.key);
      told.add(event.key);
      return isFirst;
    })
    .toReversed();
}

function eventsOfEntry(calls: ReadonlyMap<string, string>): (entry: Fields) => readonly LiveEvent[] {
  return (entry) => {
    const read = Object.hasOwn(readers, textOf(entry["type"]) ?? "")
      ? readers[entry["type"] as string]!
      : undefined;
    return read?.({ ...entry, parent_tool_use_id: callOf(entry, calls) }) ?? [];
  };
}

const readers: Readonly<Record<string, (message: Fields) => readonly LiveEvent[]>> = {
  assistant: (entry) => assistantEvents({ ...entry, request_id: entry["requestId"] }),
  user: userEvents,
  system: (entry) => (entry["subtype"] === "compact_boundary" ? [compactionEvent(asMessage(entry))] : []),
};

/** A subagent's log names the call that it works for; where it does not, the agent's own id sets its words apart. */
function callOf(entry: Fields, calls: ReadonlyMap<string, string>): string | undefined {
  const agent = textOf(entry["agentId"]);
  if (agent !== undefined) return calls.get(agent) ?? calls.get("") ?? agent;
  return entry["isSidechain"] === true ? (calls.get("") ?? "subagent") : undefined;
}

function callsByAgent(entries: readonly Fields[]): ReadonlyMap<string, string> {
  const calls = new Map<string, string>();
  for (const entry of entries) {
    const own = entry["type"] === "agent_metadata" ? textOf(entry["toolUseId"]) : undefined;
    if (own !== undefined) calls.set("", own);
    const agent = textOf(fieldsOf(entry["toolUseResult"])?.["agentId"]);
    const content = fieldsOf(entry["message"])?.["content"];
    const call = textOf(fieldsOf(Array.isArray(content) ? content[0] : undefined)?.["tool_use_id"]);
    if (agent !== undefined && call !== undefined) calls.set(agent, call);
  }
  return calls;
}

function asMessage({ compactMetadata, uuid, subtype, type }: Fields): Fields {
  const { trigger, preTokens, postTokens } = fieldsOf(compactMetadata) ?? {};
  return {
    type,
    subtype,
    uuid,
    compact_metadata: { trigger, pre_tokens: preTokens, post_tokens: postTokens },
  };
}
