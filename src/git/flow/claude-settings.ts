import { HoldfastError } from "../../core/errors.ts";
import { fieldsOf } from "../../core/json.ts";
import type { AgentVerb } from "./agent-hook.ts";
import { quoted } from "./hook-scripts.ts";
import { type Span, spanAt, spansOf, unitOf, withoutPart, withPart } from "./json-spans.ts";

/** Which of Claude Code's settings files: this machine's own, or the one that is committed for all. */
export type SettingsScope = "local" | "shared";

/** Where they are, below a worktree. */
export const settingsFiles: Readonly<Record<SettingsScope, string>> = {
  local: ".claude/settings.local.json",
  shared: ".claude/settings.json",
};

/** What a settings file calls: the launcher where the file stays on this machine, else `holdfast` by its name. */
export function calledBy(scope: SettingsScope, launcher: string): string | undefined {
  return scope === "local" ? launcher : undefined;
}

/** The command for a hook: by its whole path where the file stays on this machine, else by name and only where it is installed. */
function hookCommand(verb: AgentVerb, launcher: string | undefined): string {
  const call = `git hook claude-code ${verb}`;
  if (launcher === undefined) return `command -v holdfast >/dev/null 2>&1 && holdfast ${call} || true`;
  return `${/^[\w/.-]+$/.test(launcher) ? launcher : quoted(launcher)} ${call}`;
}

/** The settings with our hooks in them, each once, and every other byte as it was; null begins a new file. @throws git_settings_invalid */
export function withOwnHooks(before: string | null, path: string, launcher: string | undefined): string {
  if (before !== null && isComplete(checked(before, path).text, launcher)) return before;
  let text = withoutOwnHooks(before, path) ?? "{}\n";
  for (const { event, matcher, verb } of ownHooks) {
    const group = {
      ...(matcher === undefined ? {} : { matcher }),
      hooks: [{ type: "command", command: hookCommand(verb, launcher), timeout: timeoutSeconds }],
    };
    const part = JSON.stringify(group, null, unitOf(text));
    const root = spansOf(text);
    const [hooks, groups] = [spanAt(root, "hooks"), spanAt(root, "hooks", event)];
    if (groups !== undefined) text = withPart(text, groups, part);
    else if (hooks !== undefined)
      text = withPart(text, hooks, `${JSON.stringify(event)}: ${inList(part, text)}`);
    else
      text = withPart(
        text,
        root,
        `"hooks": ${inObject(`${JSON.stringify(event)}: ${inList(part, text)}`, text)}`,
      );
  }
  return text;
}

/** The settings without our hooks, and every other byte as it was; null where nothing would be left of the file. @throws git_settings_invalid */
export function withoutOwnHooks(before: string | null, path: string): string | null {
  if (before === null) return null;
  let text = before;
  for (let found = firstOwn(checked(text, path)); found !== undefined; found = firstOwn(checked(text, path)))
    text = withoutPart(text, found.span, found.index);
  return text !== before && text.trim() === "{}" ? null : text;
}

/** True when a settings file calls us; in one that is no JSON, when it looks so. */
export function hasOwnHooks(text: string): boolean {
  if (faultOf(text) !== undefined) return text.includes("holdfast git hook claude-code");
  return firstOwn({ root: spansOf(text), text }) !== undefined;
}

/** True when a settings file calls us as `enable` would have it do, each hook once. */
export function hasAllHooks(text: string, launcher: string | undefined): boolean {
  return faultOf(text) === undefined && isComplete(text, launcher);
}

const timeoutSeconds = 10;

// Only what `hookCommand` writes, whatever the path: a command that holds more than that is a person's own.
const ownCommand =
  /^(?:(?:[\w/.-]*\/holdfast|'(?:[^']|'\\'')*\/holdfast') git hook claude-code [a-z-]+|command -v holdfast >\/dev\/null 2>&1 && holdfast git hook claude-code [a-z-]+ \|\| true)$/;

function isOwnCommand(hook: unknown): boolean {
  const command = fieldsOf(hook)?.["command"];
  return typeof command === "string" && ownCommand.test(command);
}

const ownHooks: readonly { readonly event: string; readonly matcher?: string; readonly verb: AgentVerb }[] = [
  { event: "SessionStart", verb: "session-start" },
  { event: "UserPromptSubmit", verb: "user-prompt-submit" },
  { event: "Stop", verb: "stop" },
  { event: "SessionEnd", verb: "session-end" },
  { event: "SubagentStop", verb: "subagent-stop" },
  { event: "PreCompact", verb: "pre-compact" },
  { event: "PreToolUse", matcher: "Agent|Task", verb: "pre-task" },
  { event: "PostToolUse", matcher: "Agent|Task", verb: "post-task" },
  { event: "PostToolUse", matcher: "TodoWrite|TaskCreate|TaskUpdate", verb: "post-todo" },
];

/** True when every hook is there as it is to be, and no other one of ours. */
function isComplete(text: string, launcher: string | undefined): boolean {
  const events = fieldsOf(fieldsOf(JSON.parse(text))?.["hooks"]) ?? {};
  const found = Object.entries(events).flatMap(([event, groups]) =>
    (groups as readonly unknown[]).flatMap((group) => {
      const { matcher, hooks } = fieldsOf(group) ?? {};
      return (Array.isArray(hooks) ? hooks : [])
        .filter(isOwnCommand)
        .map((hook) => JSON.stringify([event, matcher, fieldsOf(hook)?.["command"]]));
    }),
  );
  const wanted = ownHooks.map(({ event, matcher, verb }) =>
    JSON.stringify([event, matcher, hookCommand(verb, launcher)]),
  );
  return found.length === wanted.length && wanted.every((one) => found.includes(one));
}

function inList(part: string, text: string): string {
  return `[\n${unitOf(text)}${part.replaceAll("\n", `\n${unitOf(text)}`)}\n]`;
}

function inObject(part: string, text: string): string {
  return `{\n${unitOf(text)}${part.replaceAll("\n", `\n${unitOf(text)}`)}\n}`;
}

/** The innermost part that is ours alone: a command, or what is empty for lack of it. */
function firstOwn({ root, text }: { readonly root: Span; readonly text: string }) {
  const hooks = spanAt(root, "hooks");
  for (const [eventAt, event] of (hooks?.members ?? []).entries()) {
    for (const [groupAt, group] of (event.value.items ?? []).entries()) {
      const commands = spanAt(group, "hooks");
      const own = (commands?.items ?? []).findIndex((one) =>
        isOwnCommand(JSON.parse(text.slice(one.from, one.to))),
      );
      if (commands === undefined || own === -1) continue;
      if (commands.items!.length > 1) return { span: commands, index: own };
      if (event.value.items!.length > 1) return { span: event.value, index: groupAt };
      return hooks!.members!.length > 1
        ? { span: hooks!, index: eventAt }
        : { span: root, index: root.members!.findLastIndex(({ key }) => key === "hooks") };
    }
  }
  return undefined;
}

function checked(text: string, path: string): { readonly root: Span; readonly text: string } {
  const fault = faultOf(text);
  if (fault === undefined) return { root: spansOf(text), text };
  throw new HoldfastError({
    code: "git_settings_invalid",
    message: `${path} ${fault}, and is left as it is.`,
    next: "Make it a JSON object without comments, then try again.",
    data: { path },
  });
}

function faultOf(text: string): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "is no JSON";
  }
  const root = fieldsOf(value);
  if (root === undefined) return "holds no JSON object";
  const hooks = root["hooks"];
  if (hooks === undefined) return undefined;
  const events = fieldsOf(hooks);
  if (events === undefined) return "has hooks that are no object";
  return Object.values(events).every(Array.isArray) ? undefined : "has hooks of an event that are no list";
}
