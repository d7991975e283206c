import type { SessionKey } from "../core/ids.ts";
import type { InputState } from "../core/input.ts";
import { objectIn } from "../core/json.ts";
import type { Receipt } from "../core/run.ts";
import type { Attended } from "./attended-input.ts";
import { counted } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";
import { shownText } from "./timeline.ts";

/** What became of an input, for people and scripts. */
export interface Ending extends SessionKey {
  readonly input: string;
  readonly key: string;
  /** The input's state; `held` where its run waits for an operator. */
  readonly state: InputState | "held";
  readonly run: string | null;
  /** Whether the agent ended well, and with which words; null where it did not end. */
  readonly ok: boolean | null;
  readonly text: string | null;
  readonly reason: string | null;
  readonly receipt: Receipt | null;
}

/** What became of an input that has ended, or is held. */
export function endingOf({ input, run }: Attended): Ending {
  const { project, session, id, key } = input;
  const outcome = objectIn(run?.outcome ?? "");
  const { ok, text } = outcome ?? {};
  return {
    project,
    session,
    input: id,
    key,
    state: input.state === "running" ? "held" : input.state,
    run: run?.id ?? null,
    ok: typeof ok === "boolean" ? ok : null,
    text: typeof text === "string" ? text : null,
    reason: input.reason ?? run?.reason ?? null,
    receipt: run?.receipt ?? null,
  };
}

/** The line that an ending is told in. */
export function lineOf(ending: Ending): string {
  const { state, run, ok, reason, text, receipt, input } = ending;
  const why = reason === null ? "." : `: ${shownText(reason)}`;
  if (state === "held")
    return `Held run ${run}${why} End it with holdfast runs resolve ${harmlessLine(run ?? "")}.`;
  if (state === "abandoned")
    return `The input ${input} is given up${why} Queue it again with holdfast redispatch --input ${input}.`;
  if (receipt === null) return `The input ${input} is ${state}${why}`;
  const failed = ok === true ? "" : ` The agent ended with a failure: ${shownText(text ?? "none told")}`;
  return `${receiptLine(receipt)}${failed}`;
}

/** A receipt in one line. */
export function receiptLine({ run, entries, revision, digest }: Receipt): string {
  return `Committed run ${run}: ${counted(entries, "entry")}, revision ${revision}, digest ${digest.slice(0, 16)}.`;
}
