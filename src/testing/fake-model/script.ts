import { type Message, messagesOf, objectOf, type Piece, toolsOf } from "./conversation.ts";

/** One block of an answer. */
export type Block =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "tool_use"; readonly name: string; readonly input: Readonly<Record<string, unknown>> };

/** What the model does with a request. */
export type Reply =
  | {
      readonly kind: "message";
      readonly blocks: readonly Block[];
      /** Default is a quarter of the request's length. */
      readonly inputTokens?: number;
      /** Waited between the pieces of a text. */
      readonly pauseMs?: number;
    }
  | { readonly kind: "hang" }
  | { readonly kind: "cut" }
  | { readonly kind: "error"; readonly status: number };

/** Decides by the verb of the newest prompt, and by how often the model has answered since. */
export function replyTo(body: unknown): Reply {
  const messages = messagesOf(body);
  const { prompt, steps } = newestPrompt(messages);
  const saved = savedIn(messages);
  if (prompt.some((text) => text.includes("create a detailed summary"))) return say(summary);
  for (const text of prompt.toReversed()) {
    for (const line of text.split("\n")) {
      const [, verb = "", rest = ""] = /^([A-Z]+)(?: (.*))?$/.exec(line) ?? [];
      if (Object.hasOwn(verbs, verb))
        return verbs[verb]!({ rest, steps, saved, messages, tools: toolsOf(body) });
    }
  }
  return say("ok");
}

interface Turn {
  readonly rest: string;
  /** How many answers the model has given to this prompt. */
  readonly steps: number;
  readonly tools: readonly string[];
  readonly messages: readonly Message[];
  /** Where the newest output that was too large for a message was saved. */
  readonly saved: string;
}

const summary = "<analysis>a</analysis><summary>A summary of what was said.</summary>";

const verbs: Readonly<Record<string, (turn: Turn) => Reply>> = {
  SAY: ({ rest }) => say(rest),
  THINK: ({ rest }) => calls([{ type: "thinking", thinking: rest, signature }, ...said("thought")]),
  BIG: ({ rest }) => say("x".repeat(Number(rest))),
  BASH: (turn) => once(turn, ["Bash"], { command: turn.rest, description: "Run a command" }),
  READ: (turn) => once(turn, ["Read"], { file_path: turn.rest }),
  REOPEN: (turn) => {
    const [offset, limit] = turn.rest.split(" ").map(Number);
    return once(turn, ["Read"], { file_path: turn.saved, offset, limit });
  },
  WRITE: (turn) => {
    const [path = "", ...words] = turn.rest.split(" ");
    return once(turn, ["Write"], { file_path: path, content: words.join(" ") });
  },
  MARK: (turn) => {
    const [word = "", path = ""] = turn.rest.split(" ");
    return marks(turn, [word], path);
  },
  MARKS: (turn) => {
    const [count = "", path = ""] = turn.rest.split(" ");
    const words = Array.from({ length: Number(count) }, (_, index) => `mark-${index + 1}`);
    return marks(turn, words, path);
  },
  CALL: (turn) => {
    const [tool = "", ...words] = turn.rest.split(" ");
    return once(turn, [tool], JSON.parse(words.join(" ") || "{}") as Record<string, unknown>);
  },
  AGENT: (turn) => {
    const input = { description: "Do a part", prompt: turn.rest, subagent_type: "general-purpose" };
    return once(turn, ["Agent", "Task"], { ...input, run_in_background: false });
  },
  PAR: (turn) => {
    if (turn.steps > 0 || !turn.tools.includes("Bash")) return say("done");
    return calls(Array.from({ length: Number(turn.rest) }, (_, index) => echo(`part ${index + 1}`)));
  },
  LOOP: ({ rest, steps, tools }) => {
    if (steps >= Number(rest) || !tools.includes("Bash")) return say("done");
    return calls([echo(`step ${steps + 1}`)]);
  },
  SLOW: ({ rest }) => ({ ...say("slow ".repeat(40)), pauseMs: Number(rest) }),
  HANG: () => ({ kind: "hang" }),
  USAGE: ({ rest }) => {
    const [tokens, ...words] = rest.split(" ");
    return { ...say(words.join(" ") || "ok"), inputTokens: Number(tokens) };
  },
  ERR: ({ rest }) => ({ kind: "error", status: Number(rest) }),
  CUT: () => ({ kind: "cut" }),
};

/** Of a thought: no client can tell what it holds. */
const signature = "c2lnbmVk";

function say(text: string): Reply & { readonly kind: "message" } {
  return { kind: "message", blocks: said(text) };
}

function said(text: string): readonly Block[] {
  return [{ type: "text", text }];
}

function calls(blocks: readonly Block[]): Reply {
  return { kind: "message", blocks };
}

/** One call of the first of these tools that is offered; a closing text after it, or where none is. */
function once({ steps, tools }: Turn, names: readonly string[], input: Record<string, unknown>): Reply {
  const name = names.find((tool) => tools.includes(tool));
  return steps > 0 || name === undefined ? say("done") : calls([{ type: "tool_use", name, input }]);
}

/** A call for the first word that no call of the conversation has left yet, as a model does that reads what it has done. */
function marks({ tools, messages }: Turn, words: readonly string[], path: string): Reply {
  const made = new Set(messages.flatMap(({ pieces }) => pieces.flatMap(commandOf)));
  const commands = words.map((word) => `echo ${word} >> ${path}`);
  const command = commands.find((one) => !made.has(one));
  if (command === undefined || !tools.includes("Bash")) return say("done");
  return calls([{ type: "tool_use", name: "Bash", input: { command, description: "Leave a mark" } }]);
}

function commandOf(piece: Piece): string[] {
  const command = piece.kind === "use" ? objectOf(piece.input)["command"] : undefined;
  return typeof command === "string" ? [command] : [];
}

function echo(text: string): Block {
  return { type: "tool_use", name: "Bash", input: { command: `echo ${text}`, description: "Say something" } };
}

function savedIn(messages: readonly Message[]): string {
  const results = messages.flatMap(({ pieces }) => pieces.filter((piece) => piece.kind === "result"));
  const saved = results.flatMap(({ text }) => /saved to: (.+)/.exec(text)?.[1] ?? []);
  return saved.at(-1) ?? "";
}

/** The texts of the newest message that a person or a parent agent wrote, and the answers since. */
function newestPrompt(messages: readonly Message[]): { prompt: string[]; steps: number } {
  let steps = 0;
  for (const { role, pieces } of messages.toReversed()) {
    const prompt = pieces.flatMap((piece) => (piece.kind === "text" ? [piece.text] : []));
    if (role === "user" && prompt.length > 0) return { prompt, steps };
    if (role === "assistant") steps += 1;
  }
  return { prompt: [], steps };
}
