import type { FakeModelRequest } from "../../src/testing.ts";

/** What the Messages API would refuse in the history of a request, and what tells of a lost or doubled step. */
export function historyFaults({ body }: FakeModelRequest): string[] {
  const messages = (body as { readonly messages?: readonly Message[] }).messages ?? [];
  const faults: string[] = [];
  const used = new Set<string>();
  let open = new Set<string>();
  for (const { role, content } of messages) {
    if (role === "system") continue;
    const blocks = typeof content === "string" ? [] : content;
    if (role === "assistant") {
      if (open.size > 0) faults.push(`The calls ${[...open].join(", ")} have no result.`);
      open = new Set(blocks.flatMap(({ type, id }) => (type === "tool_use" ? [id!] : [])));
      for (const id of open)
        if (used.size === used.add(id).size) faults.push(`The call ${id} is there twice.`);
      continue;
    }
    for (const { type, tool_use_id: id } of blocks)
      if (type === "tool_result" && !open.delete(id!)) faults.push(`The result of ${id} has no call.`);
    if (open.size > 0) faults.push(`The calls ${[...open].join(", ")} have no result.`);
    open.clear();
  }
  if (messages.findLast(({ role }) => role !== "system")?.role !== "user")
    faults.push("It ends with no user.");
  return faults;
}

interface Message {
  readonly role: string;
  readonly content: string | readonly Block[];
}

interface Block {
  readonly type: string;
  readonly id?: string;
  readonly tool_use_id?: string;
}
