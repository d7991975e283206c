import type { Input, InputsParams } from "../../core/input.ts";
import type { Query } from "./client.ts";

/** x */
export async function inputs(_query: Query, _params: InputsParams): Promise<readonly Input[]> {
  throw new Error("not built");
}
