import { check } from "./model.ts";

interface Line {
  readonly type: string;
  readonly parentUuid: string | null;
  readonly uuid: string;
  readonly message: {
    readonly content: readonly {
      readonly type: string;
      readonly id?: string;
      readonly tool_use_id?: string;
      readonly text?: string;
    }[];
  };
}

/** What every provider wants: an answer to each tool call before anything else is said, and no user who speaks twice. */
export function turnsAlternate(bodies: readonly string[]): void {
  let open: readonly string[] = [];
  let lastWasPrompt = false;
  let parent: string | null = null;
  for (const line of bodies.map((body) => JSON.parse(body) as Line)) {
    const { content } = line.message;
    const results = content.flatMap(({ tool_use_id: call }) => call ?? []);
    check(line.parentUuid === parent, `42: ${line.uuid} does not follow the entry before it`);
    parent = line.uuid;
    if (results.length > 0) {
      check(same(results, open), `42: the results ${results.join()} answer other calls than ${open.join()}`);
      open = [];
      lastWasPrompt = false;
      continue;
    }
    check(open.length === 0, `42: the tool call ${open.join()} has no result`);
    const isPrompt = line.type === "user";
    check(!isPrompt || !lastWasPrompt, "42: the user spoke twice in a row");
    lastWasPrompt = isPrompt;
    open = content.flatMap(({ type, id }) => (type === "tool_use" && id !== undefined ? [id] : []));
  }
  check(open.length === 0, `42: the transcript ends in the open tool call ${open.join()}`);
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item) => other.includes(item));
}
