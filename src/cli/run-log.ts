import { isTerminal as endsRun, type LiveEvent, type ReplayedEvent, type RunEvent } from "../core/event.ts";
import type { Input } from "../core/input.ts";
import type { Claim } from "../core/run.ts";
import { harmlessLine } from "./harmless.ts";
import { say, writeJson } from "./output.ts";
import { streams } from "./streams.ts";
import { stderrStyle } from "./style.ts";
import { Timeline } from "./timeline.ts";

/** What a person sees while a turn goes on, on stderr: none of it is committed. With `json` its events go to stdout. */
export class RunLog {
  readonly #input: Input;
  readonly #isJson: boolean;
  readonly #style = stderrStyle();
  readonly #timeline: Timeline;
  /** A call of an earlier run may have the id of one of now. */
  readonly #earlier: Timeline;
  #written: Promise<void> = Promise.resolve();

  constructor(input: Input, { json = false }: { readonly json?: boolean }) {
    const { columns, isTTY } = streams().stderr;
    const width = isTTY === true && columns !== undefined && columns > 0 ? columns - 2 : undefined;
    this.#input = input;
    this.#isJson = json;
    this.#timeline = new Timeline({ style: this.#style, width });
    this.#earlier = new Timeline({ style: this.#style, width });
  }

  begin({ run, input }: Claim): void {
    const other = input.id === this.#input.id ? "" : `, of the input ${input.id} that goes first`;
    const place = `session ${harmlessLine(run.session)} of project ${harmlessLine(run.project)}`;
    this.tell(
      `Run ${run.id} in ${place}, attempt ${run.attempt}${other}. What follows is not committed yet:`,
    );
  }

  live(claim: Claim, event: LiveEvent): void {
    this.#keep(claim, event);
    const lines = this.#timeline.lines(event, this.#style.dim("┆ "));
    for (const line of [...this.#earlier.rest(), ...lines]) say(line);
  }

  /** What an interrupted run told before, and is only shown again. */
  replayed(claim: Claim, event: ReplayedEvent): void {
    this.#keep(claim, event);
    for (const line of this.#earlier.lines(event, this.#style.dim("┆ "))) say(line);
  }

  tell(line: string): void {
    for (const one of [...this.#earlier.rest(), ...this.#timeline.rest(), line]) say(one);
  }

  /** Resolves when all was written. */
  async written(): Promise<void> {
    await this.#written;
  }

  // A reader of stdout that is slower must not hold up the run.
  #keep({ run, input }: Claim, event: RunEvent): void {
    if (!this.#isJson) return;
    const { replayed = false } = event;
    const committed = endsRun(event);
    const line = { run: run.id, input: input.id, attempt: run.attempt, replayed, committed, event };
    this.#written = this.#written.then(() => writeJson(line));
  }
}
