import { isHoldfastError } from "../../core/errors.ts";
import type { FindingCode } from "../format/findings.ts";

/** Why one object cannot be read, as a finding says it. */
export interface Fault {
  readonly code: FindingCode;
  readonly sentence: string;
}

/** What an error says of one object; undefined where it is of more than that. */
export function faultOf(error: unknown): Fault | undefined {
  const code = isHoldfastError(error) ? codes.get(error.code) : undefined;
  return code === undefined ? undefined : { code, sentence: (error as Error).message };
}

const codes: ReadonlyMap<string, FindingCode> = new Map([
  ["git_object_unfetched", "object_missing"],
  ["git_object_invalid", "object_damaged"],
  ["git_object_too_large", "entry_too_large"],
]);
