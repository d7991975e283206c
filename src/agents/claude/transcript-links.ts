/** What verification needs of an entry; `parent` is undefined where the entry has no such field. */
export interface Link {
  readonly seq: number;
  readonly readable: boolean;
  readonly uuid: string | undefined;
  readonly parent: string | null | undefined;
  readonly compaction: boolean;
  /** The entry that a compaction comes after: it has no parent of its own. */
  readonly logicalParent: string | undefined;
  /** Something that was said, by the user or by the model, or what a tool gave back. */
  readonly said: boolean;
  /** The id of the model's answer that an assistant's entry is a part of. */
  readonly answer: string | undefined;
  readonly toolCalls: readonly string[];
  readonly toolResults: readonly string[];
  /** Recovery wrote it, to close what an interrupted run left open. */
  readonly closer: boolean;
}

/** Takes from one entry's text what links it to others. */
export function readLink(seq: number, body: string): Link {
  const entry = objectOf(body);
  return entry === undefined ? { ...emptyLink, seq, readable: false } : linkOf(seq, entry);
}

/** The same of an entry that is parsed already. */
export function linkOf(seq: number, entry: Readonly<Record<string, unknown>>): Link {
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
    logicalParent: textOf(entry["logicalParentUuid"]),
    said: entry["type"] === "assistant" || (entry["type"] === "user" && entry["isMeta"] !== true),
    answer: entry["type"] === "assistant" ? textOf(recordOf(entry["message"])["id"]) : undefined,
    toolCalls: entry["type"] === "assistant" ? idsOf("tool_use", "id") : [],
    toolResults,
    closer: isCloser(entry),
  };
}

/** Whether recovery wrote an entry. */
export function isCloser(entry: Readonly<Record<string, unknown>>): boolean {
  return textOf(recordOf(entry["holdfast"])["closer"]) !== undefined;
}

const emptyLink: Omit<Link, "seq"> = {
  readable: true,
  uuid: undefined,
  parent: undefined,
  compaction: false,
  logicalParent: undefined,
  said: false,
  answer: undefined,
  toolCalls: [],
  toolResults: [],
  closer: false,
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
