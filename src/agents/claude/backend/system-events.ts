import type { LiveEvent } from "../../../core/event.ts";
import { type Fields, fieldsOf, textOf } from "../../../core/json.ts";
import { bounded, frameOf, plainOf, textIn } from "./message-parts.ts";

/** The agent's messages about itself; undefined for a subtype that is not known. */
export function systemEvents(message: Fields): readonly LiveEvent[] | undefined {
  const subtype = textIn(message, "subtype");
  if (Object.hasOwn(events, subtype)) return events[subtype]!(message);
  if (!Object.hasOwn(notices, subtype)) return undefined;
  const tool = textOf(message["tool_use_id"]);
  return [
    {
      ...(subtype.startsWith("task_") && tool !== undefined ? { parent: tool } : frameOf(message)),
      type: "notice",
      text: bounded(notices[subtype]!(message)),
      raw: plainOf(message),
    },
  ];
}

type Mapping<To> = Readonly<Record<string, (message: Fields) => To>>;

const events: Mapping<readonly LiveEvent[]> = {
  init: (message) => [started(message)],
  status: (message) => statusEvents(message),
  session_state_changed: (message) => [{ type: "status", status: textIn(message, "state") }],
  worker_shutting_down: () => [{ type: "status", status: "shutting_down" }],
  compact_boundary: (message) => [compactionEvent(message)],
  task_progress: (message) => [taskProgress(message)],
  // Counters and lists for a terminal's own display.
  thinking_tokens: () => [],
  commands_changed: () => [],
  background_tasks_changed: () => [],
};

const notices: Mapping<string> = {
  api_retry: (message) => `The provider did not answer (${whyOf(message)}): ${tryOf(message)}.`,
  control_request_progress: (message) =>
    `A request to the agent is under way (${textIn(message, "status")}): ${tryOf(message)}.`,
  permission_denied: (message) =>
    `${textIn(message, "tool_name")} was not allowed: ${textIn(message, "message")}`,
  mirror_error: (message) => `The SDK dropped a batch of entries: ${textIn(message, "error")}`,
  session_writes_lost: (message) =>
    `The agent's own disk refused what it wrote (${textIn(message, "error_code")}).`,
  task_started: (message) => `Begun: ${textIn(message, "description")}`,
  task_updated: (message) =>
    `Task ${textIn(message, "task_id")}: ${textOf(fieldsOf(message["patch"])?.["status"]) ?? "changed"}`,
  task_notification: (message) => `${textIn(message, "status")}: ${textIn(message, "summary")}`,
  model_refusal_fallback: (message) => textIn(message, "content"),
  model_refusal_no_fallback: (message) => textIn(message, "content"),
  local_command_output: (message) => textIn(message, "content"),
  informational: (message) => textIn(message, "content"),
  notification: (message) => textIn(message, "text"),
  hook_started: (message) => `Hook ${textIn(message, "hook_name")} has started.`,
  hook_progress: (message) => `Hook ${textIn(message, "hook_name")}: ${textIn(message, "output")}`,
  hook_response: (message) => `Hook ${textIn(message, "hook_name")}: ${textIn(message, "outcome")}`,
  plugin_install: (message) => `Plugin ${textIn(message, "name")}: ${textIn(message, "status")}`,
  files_persisted: () => "The agent has kept files.",
  memory_recall: () => "The agent has recalled memories.",
  elicitation_complete: (message) => `${textIn(message, "mcp_server_name")} has its answer.`,
};

function started(message: Fields): LiveEvent {
  const resume = textIn(message, "session_id");
  const settings = {
    model: message["model"],
    permissionMode: message["permissionMode"],
    cwd: message["cwd"],
    agentVersion: message["claude_code_version"],
  };
  const known = Object.entries(settings).filter(([, value]) => typeof value === "string");
  return {
    type: "status",
    status: "started",
    ...(resume !== "" && { resume }),
    settings: Object.fromEntries(known),
  };
}

function statusEvents(message: Fields): readonly LiveEvent[] {
  const permissionMode = textOf(message["permissionMode"]);
  const outcome = textOf(message["compact_result"]);
  const ended = outcome === undefined ? undefined : `compaction_${outcome}`;
  const status =
    textOf(message["status"]) ?? ended ?? (permissionMode === undefined ? "idle" : "permission_mode");
  const error = textOf(message["compact_error"]);
  return [
    { type: "status", status, ...(permissionMode !== undefined && { settings: { permissionMode } }) },
    ...(error === undefined
      ? []
      : [{ type: "notice", text: `The conversation was not compacted: ${error}` } as const]),
  ];
}

/** That the agent has put a summary in the place of what was said. */
export function compactionEvent(message: Fields): LiveEvent {
  const { pre_tokens: before, post_tokens: after, trigger } = fieldsOf(message["compact_metadata"]) ?? {};
  const sizes = [
    typeof before === "number" ? `from ${before}` : "",
    typeof after === "number" ? `to ${after}` : "",
  ];
  const size = sizes.filter((part) => part !== "").join(" ");
  const text = `The conversation was compacted${trigger === "auto" ? " because it was full" : ""}${size === "" ? "" : `, ${size} tokens`}.`;
  return { ...frameOf(message, textOf(message["uuid"])), type: "notice", text };
}

function taskProgress(message: Fields): LiveEvent {
  const call = textOf(message["tool_use_id"]);
  const text = textIn(message, "description");
  if (call === undefined) return { type: "notice", text, raw: plainOf(message) };
  return { type: "tool_progress", call, text };
}

function whyOf(message: Fields): string {
  const { error_status: status } = message;
  const reason = textIn(message, "error") || "unknown";
  return typeof status === "number" ? `${status}, ${reason}` : reason;
}

function tryOf(message: Fields): string {
  const { attempt, max_retries: most, retry_delay_ms: delayMs } = message;
  const [number, of, seconds] = [attempt, most, delayMs].map((value) =>
    typeof value === "number" ? value : undefined,
  );
  if (number === undefined) return "it is tried again";
  return `try ${number} of ${of ?? "?"} in ${seconds === undefined ? "?" : (seconds / 1000).toFixed(1)} s`;
}
