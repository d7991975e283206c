import { isHoldfastError } from "../core/errors.ts";
import type { Claim } from "../core/run.ts";
import type { Ended } from "../runtime/execute.ts";
import type { FoundLeftovers } from "../runtime/leftovers.ts";
import type { Reconciled } from "../runtime/recover-run.ts";
import { counted } from "./columns.ts";
import { madeCommitText } from "./links.ts";
import type { MadeCommit } from "./git-checkpoints.ts";
import { harmlessLine } from "./harmless.ts";
import { say, writeJson } from "./output.ts";
import { leftoverLines, recoveredLine } from "./recovered-line.ts";
import { receiptLine } from "./run-ending.ts";
import { runForPeople } from "./run-table.ts";
import { shownText } from "./timeline.ts";

/** What a worker says of what it does: a line each on stderr for people, or a JSON document each on stdout. */
export class WorkLog {
  readonly #isJson: boolean;
  readonly #begunAtMs = new Map<string, number>();
  #written: Promise<void> = Promise.resolve();
  #lastFailure = "";
  #ended = 0;

  constructor({ json = false }: { readonly json?: boolean }) {
    this.#isJson = json;
  }

  started(params: Started): void {
    const { owner, store, providers, concurrency } = params;
    const names = providers.map(harmlessLine).join(", ");
    this.#tell(
      { type: "started", ...params },
      `Worker ${owner} takes inputs of ${names} from ${harmlessLine(store)}, ${concurrency} at once.`,
    );
  }

  begun({ run, input }: Claim): void {
    this.#begunAtMs.set(run.id, performance.now());
    const { id, project, session, attempt } = run;
    const place = `session ${harmlessLine(session)} of project ${harmlessLine(project)}`;
    this.#tell(
      { type: "begun", run: id, input: input.id, provider: input.provider, project, session, attempt },
      `Run ${id} began in ${place}, attempt ${attempt}.`,
    );
  }

  ended({ run, input }: Claim, ended: Ended): void {
    this.#ended += 1;
    const ms = Math.round(performance.now() - (this.#begunAtMs.get(run.id) ?? performance.now()));
    this.#begunAtMs.delete(run.id);
    const { project, session } = run;
    this.#tell(
      { type: "ended", run: run.id, input: input.id, project, session, ms, ...ended },
      `${endedLine(run.id, ended)} ${(ms / 1000).toFixed(1)} s.`,
    );
  }

  recovered(done: Reconciled & FoundLeftovers): void {
    if (done.result === "skipped") return;
    const { run, ...rest } = done;
    const shown = runForPeople({ ...run, lapsed: true });
    const lines = [`Recovered run ${recoveredLine(done, "")}`, ...leftoverLines(done)];
    this.#tell({ type: "recovered", ...rest, run: shown }, lines.join("\n"));
  }

  unserved(provider: string, error: Error): void {
    const { message } = error;
    this.#tell(
      { type: "unserved", provider, message },
      `Inputs of ${harmlessLine(provider)} are not taken any more: ${shownText(message)}`,
    );
  }

  /** What became of a commit that a run made. */
  checkpoint(made: MadeCommit): void {
    this.#tell({ type: "checkpoint", ...made }, `Run ${made.run}: ${madeCommitText(made)}.`);
  }

  /** What goes wrong again and again is told once. */
  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const code = isHoldfastError(error) ? error.code : undefined;
    if ((code ?? message) === this.#lastFailure) return;
    this.#lastFailure = code ?? message;
    this.#tell({ type: "error", ...(code && { code }), message }, `holdfast: ${shownText(message)}`);
  }

  stopping(drainMs: number): void {
    const runs = this.#begunAtMs.size;
    const wait = runs === 0 ? "" : ` ${counted(runs, "run")} may end within ${drainMs / 1000} s.`;
    this.#tell(
      { type: "stopping", runs, drainMs },
      `Stopping: no more inputs are taken.${wait} The same signal again ends it at once.`,
    );
  }

  interrupting(runs: number): void {
    this.#tell(
      { type: "interrupting", runs },
      `The time is over: ${counted(runs, "run")} interrupted, and tried again without being counted.`,
    );
  }

  /** Changes that were not looked at for commits in time. */
  behind(changes: number): void {
    this.#tell(
      { type: "behind", changes },
      `The time is over: the next worker with --git looks for commits in ${counted(changes, "more change")}.`,
    );
  }

  /** Resolves when all was written. */
  async stopped(): Promise<void> {
    this.#tell({ type: "stopped", runs: this.#ended }, `Stopped after ${counted(this.#ended, "run")}.`);
    await this.#written;
  }

  #tell(document: Readonly<Record<string, unknown>>, line: string): void {
    if (document["type"] !== "error") this.#lastFailure = "";
    // A reader of stdout that is slower must not hold up a run.
    if (this.#isJson) this.#written = this.#written.then(() => writeJson(document));
    else say(line);
  }
}

interface Started {
  readonly owner: string;
  readonly store: string;
  readonly providers: readonly string[];
  readonly concurrency: number;
}

function endedLine(run: string, ended: Ended): string {
  if (ended.as !== "committed") return `Run ${run} ${ended.as}: ${shownText(ended.reason)}`;
  const { receipt, ok, text } = ended;
  return ok ? receiptLine(receipt) : `${receiptLine(receipt)} It failed: ${shownText(text)}`;
}
