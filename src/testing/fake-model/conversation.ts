/** A message of a request, as far as this model reads it. */
export interface Message {
  readonly role: string;
  readonly pieces: readonly Piece[];
}

/** One block of a message. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "use"; readonly name: string; readonly input: unknown }
  | { readonly kind: "result"; readonly text: string };

/** The messages of a request body, without what the client wove in for the model's eyes only. */
export function messagesOf(body: unknown): Message[] {
  const messages = objectOf(body)["messages"];
  if (!Array.isArray(messages)) return [];
  return messages
    .map((message: unknown) => {
      const { role, content } = objectOf(message);
      return { role: String(role), pieces: piecesOf(content).filter((piece) => !isReminder(piece)) };
    })
    .filter(({ role }) => role !== "system");
}

/** The names of the tools that a request offers. */
export function toolsOf(body: unknown): string[] {
  const tools = objectOf(body)["tools"];
  return Array.isArray(tools) ? tools.map((tool: unknown) => String(objectOf(tool)["name"])) : [];
}

/** An object's fields, or none where it is no object. */
export function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function piecesOf(content: unknown): Piece[] {
  if (typeof content === "string") return [{ kind: "text", text: content }];
  return Array.isArray(content) ? content.flatMap((block: unknown) => pieceOf(objectOf(block))) : [];
}

function pieceOf(block: Readonly<Record<string, unknown>>): Piece[] {
  switch (block["type"]) {
    case "text":
      return [{ kind: "text", text: String(block["text"]) }];
    case "tool_use":
      return [{ kind: "use", name: String(block["name"]), input: block["input"] }];
    case "tool_result":
      return [{ kind: "result", text: textOf(block["content"]) }];
    default:
      return [];
  }
}

function textOf(content: unknown): string {
  return piecesOf(content)
    .map((piece) => ("text" in piece ? piece.text : ""))
    .join("\n");
}

function isReminder(piece: Piece): boolean {
  return piece.kind === "text" && piece.text.trimStart().startsWith("<system-reminder>");
}
