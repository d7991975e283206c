import { checkLimit } from "../../core/checks.ts";
import type { SessionKey } from "../../core/ids.ts";
import type { Input, InputsParams } from "../../core/input.ts";
import { findLane, type StoredInput } from "./lane.ts";
import type { State } from "./state.ts";

/** Inputs, newest first. */
export function inputs(state: State, params: InputsParams): Input[] {
  const { key, state: wanted, limit = 50 } = params;
  checkLimit(limit, 1000);
  const found: Input[] = [];
  for (const { value } of candidates(state, params)) {
    if (found.length === limit) break;
    const matches =
      (key === undefined || value.key === key) && (wanted === undefined || value.state === wanted);
    if (matches) found.push({ ...value });
  }
  return found;
}

function candidates(state: State, { session, key, input }: InputsParams): StoredInput[] {
  if (input !== undefined) return namedInput(state, session, input);
  if (session === undefined) return [...state.inputs.values()].toReversed();
  const lane = findLane(state, session);
  if (key === undefined) return [...(lane?.inputs ?? [])].toReversed();
  const named = lane?.keys.get(key);
  return named === undefined ? [] : [named];
}

function namedInput(state: State, session: SessionKey | undefined, id: string): StoredInput[] {
  const found = state.inputs.get(id);
  if (found === undefined) return [];
  const { project, session: name } = found.value;
  return session === undefined || (session.project === project && session.session === name) ? [found] : [];
}
