/** One thing that is wrong with a transcript, in words. */
export interface Finding {
  readonly code:
    | "unreadable"
    | "first_parent"
    | "dangling_parent"
    | "extra_root"
    | "branch"
    | "tool_without_result";
  readonly log: string;
  readonly seq: number;
  readonly message: string;
}

/** What verification needs of an entry; `parent` is undefined where the entry has no such field. */
export interface Link {
  readonly seq: number;
  readonly readable: boolean;
  readonly uuid: string | undefined;
  readonly parent: string | null | undefined;
  readonly compaction: boolean;
  /** A user's prompt, which starts a turn: two of them after one another's turn are a branch. */
  readonly prompt: boolean;
  /** The id of the model's answer that an assistant's entry is a part of. */
  readonly answer: string | undefined;
  readonly toolCalls: readonly string[];
  readonly toolResults: readonly string[];
}

/** Takes from one entry's text what links it to others. */
export function readLink(seq: number, body: string): Link {
  const entry = objectOf(body);
  if (entry === undefined) return { ...emptyLink, seq, readable: false };
  const blocks = blocksOf(entry["message"]);
  const idsOf = (type: string, field: string): string[] =>
    blocks.filter((block) => block["type"] === type).flatMap((block) => textOf(block[field]) ?? []);
  const toolResults = idsOf("tool_result", "tool_use_id");
  const { parentUuid } = entry;
  return {
    seq,
    readable: true,
    uuid: textOf(entry["uuid"]),
    parent: parentUuid === null ? null : textOf(parentUuid),
    compaction: entry["subtype"] === "compact_boundary",
    prompt: entry["type"] === "user" && entry["isMeta"] !== true && toolResults.length === 0,
    answer: entry["type"] === "assistant" ? textOf(recordOf(entry["message"])["id"]) : undefined,
    toolCalls: entry["type"] === "assistant" ? idsOf("tool_use", "id") : [],
    toolResults,
  };
}

/** All that is wrong with one log. */
export function findingsOf(log: string, links: readonly Link[]): Finding[] {
  const findings = [
    ...unreadable(links),
    ...parents(links),
    ...roots(links),
    ...branches(links),
    ...answers(links),
    ...tools(links),
  ];
  return findings.map((finding) => ({ ...finding, log })).toSorted((a, b) => a.seq - b.seq);
}

type Found = Omit<Finding, "log">;

const emptyLink: Omit<Link, "seq"> = {
  readable: true,
  uuid: undefined,
  parent: undefined,
  compaction: false,
  prompt: false,
  answer: undefined,
  toolCalls: [],
  toolResults: [],
};

function objectOf(body: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function blocksOf(message: unknown): Record<string, unknown>[] {
  const { content } = recordOf(message);
  if (!Array.isArray(content)) return [];
  return content.filter((block) => typeof block === "object" && block !== null) as Record<string, unknown>[];
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function unreadable(links: readonly Link[]): Found[] {
  const found = links.filter(({ readable }) => !readable);
  return found.map(({ seq }) => ({ code: "unreadable", seq, message: `Entry ${seq} is not readable JSON.` }));
}

function parents(links: readonly Link[]): Found[] {
  const known = new Set(links.map(({ uuid }) => uuid));
  const first = links.find(({ parent }) => parent !== undefined);
  return links.flatMap(({ seq, parent }): Found[] => {
    if (typeof parent !== "string" || known.has(parent)) return [];
    if (seq === first?.seq) {
      const message = `The first linked entry (${seq}) follows ${parent}, which is not here: the beginning is missing.`;
      return [{ code: "first_parent", seq, message }];
    }
    const message = `Entry ${seq} follows ${parent}, which is not here: a resume shows only what comes after.`;
    return [{ code: "dangling_parent", seq, message }];
  });
}

function roots(links: readonly Link[]): Found[] {
  const found = links.filter(
    ({ parent, compaction, uuid }) => parent === null && uuid !== undefined && !compaction,
  );
  return found.slice(1).map(({ seq }) => ({
    code: "extra_root",
    seq,
    message: `Entry ${seq} starts a second conversation: a resume shows only the newest.`,
  }));
}

/** Prompts must form one chain; two that continue the same turn are two writers, or a rewind. */
function branches(links: readonly Link[]): Found[] {
  const byUuid = new Map(
    links.flatMap((link) => (link.uuid === undefined ? [] : [[link.uuid, link] as const])),
  );
  const continued = new Map<string, number>();
  const known = new Map<string, string>();
  return links.flatMap((link): Found[] => {
    if (!link.prompt || typeof link.parent !== "string") return [];
    const before = promptBefore(link, byUuid, known);
    if (before === undefined) return [];
    const other = continued.get(before);
    continued.set(before, link.seq);
    if (other === undefined) return [];
    const message = `The prompts ${other} and ${link.seq} continue the same turn: a resume shows only the branch that was written last.`;
    return [{ code: "branch", seq: link.seq, message }];
  });
}

/** One step has one answer of the model; two are what two writers made of the same step. */
function answers(links: readonly Link[]): Found[] {
  const given = new Map<string, Link>();
  return links.flatMap((link): Found[] => {
    if (link.answer === undefined || typeof link.parent !== "string") return [];
    const other = given.get(link.parent);
    if (other === undefined) given.set(link.parent, link);
    if (other === undefined || other.answer === link.answer) return [];
    const message = `The answers ${other.seq} and ${link.seq} continue the same step: a resume shows only the branch that was written last.`;
    return [{ code: "branch", seq: link.seq, message }];
  });
}

// Paths are remembered for every entry passed, so that a long conversation is walked once and not once a prompt.
function promptBefore(
  link: Link,
  byUuid: ReadonlyMap<string, Link>,
  known: Map<string, string>,
): string | undefined {
  const passed: string[] = [];
  let at = byUuid.get(link.parent ?? "");
  let found: string | undefined;
  while (at?.uuid !== undefined && found === undefined && passed.length <= byUuid.size) {
    found = at.prompt ? at.uuid : known.get(at.uuid);
    passed.push(at.uuid);
    at = byUuid.get(at.parent ?? "");
  }
  if (found !== undefined) for (const uuid of passed) known.set(uuid, found);
  return found;
}

function tools(links: readonly Link[]): Found[] {
  const answered = new Set(links.flatMap(({ toolResults }) => toolResults));
  return links.flatMap(({ seq, toolCalls }) =>
    toolCalls
      .filter((id) => !answered.has(id))
      .map((id): Found => {
        const message = `The tool call ${id} in entry ${seq} has no result: whether it ran is not known.`;
        return { code: "tool_without_result", seq, message };
      }),
  );
}
