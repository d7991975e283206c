import type { Reconciled } from "../runtime/recover-run.ts";
import type { FoundLeftovers } from "../runtime/leftovers.ts";
import { counted } from "./columns.ts";
import { harmlessLine } from "./harmless.ts";
import { shownText } from "./timeline.ts";

/** What became of a run that its worker had left, or with another verb would become of it. */
export function recoveredLine(one: Reconciled, verb: string): string {
  const { run, result } = one;
  const name = `${harmlessLine(run.id)} of ${harmlessLine(run.session)}`;
  switch (result) {
    case "committed":
      return `${name}: ${verb}committed, ${counted(one.entries, "entry")}.`;
    case "interrupted":
      return `${name}: ${verb}interrupted, ${counted(one.closers, "entry")} to close it; its input is ${one.input}.`;
    case "held":
      return `${name}: ${verb}held: ${shownText(one.message)}`;
    case "skipped":
      return `${name}: left alone, ${one.because === "leased" ? "another one has it" : "it has ended"}.`;
    case "failed":
      return `${name}: failed: ${shownText(one.message)}`;
  }
}

/** The lines on what a run has left at work on this machine: nobody but its next turn, or an operator, ends it. */
export function leftoverLines({ leftovers = [], leftoversUnknown }: FoundLeftovers): readonly string[] {
  const unknown = leftoversUnknown === undefined ? [] : [shownText(leftoversUnknown)];
  return [
    ...leftovers.map(({ pid, about }) => `  still at work: process ${pid}, ${shownText(about)}`),
    ...unknown.map((why) => `  what it left at work is not known: ${why}`),
  ];
}
