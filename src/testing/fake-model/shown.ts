import { messagesOf, type Piece } from "./conversation.ts";

/** What a request shows the model: `role: text`, `role: [use Name]`, `role: [result text]`, a line a piece, nothing cut. */
export function shownBy(body: unknown): string[] {
  return messagesOf(body).flatMap(({ role, pieces }) => pieces.map((piece) => `${role}: ${printed(piece)}`));
}

function printed(piece: Piece): string {
  switch (piece.kind) {
    case "text":
      return piece.text;
    case "use":
      return `[use ${piece.name}]`;
    case "result":
      return `[result ${piece.text}]`;
  }
}
