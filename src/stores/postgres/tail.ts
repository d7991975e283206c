import type { Tail } from "../../core/run.ts";
import type { Writer } from "./in-session.ts";

/** x */
export async function tail(_writer: Writer, _params: { readonly run: string }): Promise<Tail> {
  throw new Error("not built");
}
