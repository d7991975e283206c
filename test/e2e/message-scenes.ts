import type { SdkMessage, SdkQuery } from "./sdk.ts";

/** What is said to the agent, and what is done to it meanwhile. */
export interface Scene {
  readonly prompts: readonly string[];
  /** The session goes on with what was said before. */
  readonly after?: readonly string[];
  readonly options?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly storeFails?: true;
  readonly onMessage?: (message: SdkMessage, query: SdkQuery) => Promise<void> | void;
}

const mayWrite = { permissionMode: "default", allowDangerouslySkipPermissions: false };

/** Everything that a fake model can bring about of what an agent's stream may hold. */
export const scenes: Readonly<Record<string, Scene>> = {
  text: { prompts: ["SAY hello"] },
  tool: { prompts: ["BASH echo hi"] },
  "parallel tools": { prompts: ["PAR 2"] },
  "failed tool": { prompts: ["BASH echo no; exit 3"] },
  subagent: { prompts: ["AGENT BASH echo sub"] },
  compaction: { prompts: ["BIG 2000", "SAY two", "/compact", "SAY three"] },
  "automatic compaction": { prompts: ["SAY one", "USAGE 990000 two", "SAY three"] },
  denial: {
    prompts: ["WRITE <cwd>/a.txt x"],
    options: { ...mayWrite, canUseTool: () => Promise.resolve({ behavior: "deny", message: "Not today." }) },
  },
  "denial by mode": { prompts: ["WRITE <cwd>/a.txt x"], options: { ...mayWrite, permissionMode: "dontAsk" } },
  interrupt: { prompts: ["BASH sleep 20", "SAY after"], onMessage: interruptOnce("assistant") },
  "interrupted answer": {
    prompts: ["SLOW 100", "SAY after"],
    options: { includePartialMessages: true },
    onMessage: interruptOnce("stream_event"),
  },
  "API error": { prompts: ["ERR 500", "SAY after"] },
  "rate limit": { prompts: ["ERR 429"] },
  retries: {
    prompts: ["CUT"],
    env: { CLAUDE_CODE_MAX_RETRIES: "1", CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK: "1" },
  },
  fallback: { prompts: ["CUT"], env: { CLAUDE_CODE_MAX_RETRIES: "1" } },
  "most turns": { prompts: ["LOOP 5"], options: { maxTurns: 2 } },
  "partial messages": { prompts: ["THINK what if"], options: { includePartialMessages: true } },
  "mirror error": { prompts: ["SAY hello"], storeFails: true },
  resume: { after: ["SAY one"], prompts: ["SAY two", "SAY three"] },
  "another model": {
    prompts: ["SAY one", "SAY two"],
    onMessage: async ({ type }, query) => {
      if (type === "result") await query.setModel("claude-sonnet-4-5");
    },
  },
  clear: { prompts: ["SAY one", "/clear", "SAY two"] },
  "unknown tool": { prompts: ["BASH echo hi"], options: { disallowedTools: ["Bash"] } },
};

/** At the first piece of an answer; the interruption is awaited by nobody, as what it brings must be read meanwhile. */
function interruptOnce(type: string): NonNullable<Scene["onMessage"]> {
  const seen = new WeakSet<SdkQuery>();
  return (message, query) => {
    const isPiece = type !== "stream_event" || isDelta(message);
    if (message.type !== type || !isPiece || seen.has(query)) return;
    seen.add(query);
    void query.interrupt();
  };
}

function isDelta(message: SdkMessage & { readonly event?: { readonly type?: string } }): boolean {
  return message.event?.type === "content_block_delta";
}
