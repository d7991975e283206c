import type { Recorded } from "./record-messages.ts";

/** The same without what differs from one recording to the next, and without what the vendor has written. */
export function redacted(recorded: readonly Recorded[]): object[] {
  const names = new Map<string, string>();
  return recorded.flatMap((line): object[] => {
    if ("message" in line) return [{ message: plain(line.message, names) }];
    const entries = line.entries.filter(({ type }) => kept.has(type));
    return entries.length === 0 ? [] : [{ log: named(line.log, names), entries: plain(entries, names) }];
  });
}

const kept = new Set(["user", "assistant", "system", "agent_metadata"]);

/** Times, and what only says how the agent is set up. */
const leftOut =
  /_ms$|^(?:timestamp|fast_mode.*|subagent_stats|memory_paths|tools|skills|agents|plugins|slash_commands|terminal_slash_commands|betas|capabilities|mcp_servers|output_style|analytics_disabled|product_feedback_disabled|contextWindow|maxOutputTokens|canonicalModel|costBasis|provider|preserved_.*|preserved[A-Z].*|apiKeySource|cwd|version|gitBranch|userType|entrypoint|promptId|slug|madeBy|effort|perTurnEffort|requestRef|apiBlockIndex|promptCacheRequested|toolInputStreamMs|turnPosition|harness.*|prompt|output_file|duration.*|end_time)$/;

function plain(value: unknown, names: Map<string, string>): unknown {
  if (typeof value === "string") return named(value, names);
  if (Array.isArray(value)) return value.map((part) => plain(part, names));
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).filter(([name]) => name === "cwd" || !leftOut.test(name));
  return Object.fromEntries(fields.map(([name, part]) => [name, plain(part, names)]));
}

const id =
  /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?:toolu|msg|req)_[0-9a-f]+\b|\b[0-9a-f]{17}\b/g;

/** Ids are told apart by their order; a longer text than any that the fake model says is the vendor's. */
function named(text: string, names: Map<string, string>): string {
  const plainer = text
    .replaceAll(/\/tmp\/[\w./-]*/g, "/work")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1")
    .replaceAll(id, (found) => {
      const kind = /^[a-z]+(?=_)/.exec(found)?.[0] ?? (found.includes("-") ? "uuid" : "agent");
      const name =
        names.get(found) ??
        `${kind}-${[...names.values()].filter((one) => one.startsWith(`${kind}-`)).length + 1}`;
      names.set(found, name);
      return name;
    });
  const own = /^(?:x+|(?:slow )+|.{0,120})$/s.test(plainer);
  const said =
    plainer.startsWith("<local-command") ||
    plainer.startsWith("<command-name") ||
    plainer.startsWith("API Error");
  return own || said ? plainer : `(${plainer.length} characters)`;
}
