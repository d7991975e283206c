import type { Client } from "./client.ts";
import type { Place } from "./place.ts";

/** x */
export class Watch {
  constructor(_params: { readonly client: Client; readonly place: Place; readonly pollMs: number }) {}

  async *positions(_after: number, _signal: AbortSignal): AsyncIterable<{ readonly position: number }> {
    throw new Error("not built");
  }

  /** Tells all readers that something was committed. */
  wake(): void {}

  async close(): Promise<void> {}
}
