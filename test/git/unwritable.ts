import type { CheckpointInput } from "../../src/git/checkpoint-store.ts";

/** What no layout may take, by what is wrong with it. */
export const unwritable: readonly (readonly [fault: string, changes: Partial<CheckpointInput>])[] = [
  ["an id that leads elsewhere", { id: "../../../x" }],
  ["an id in upper case", { id: "A3B2C4D5E6F7" }],
  ["no session", { sessions: [] }],
  ["a session with a slash", { sessions: [{ sessionId: "../x", metadata: {}, prompts: [] }] }],
  ["a session with a line break", { sessions: [{ sessionId: "x\ny", metadata: {}, prompts: [] }] }],
  ["a session twice", { sessions: [1, 2].map(() => ({ sessionId: "x", metadata: {}, prompts: [] })) }],
  ["a task that leads elsewhere", { tasks: [{ toolUseId: "..", task: {} }] }],
  ["an agent that leads elsewhere", { tasks: [{ toolUseId: "t", agentId: "a/b", task: {} }] }],
  [
    "a hash with a newline",
    {
      sessions: [
        {
          sessionId: "x",
          metadata: {},
          prompts: [],
          transcript: { chunks: [{ id: "0".repeat(40), bytes: 1 }], hash: `sha256:${"0".repeat(64)}\n` },
        },
      ],
    },
  ],
];
