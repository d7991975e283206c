import type { EntryInput } from "./entry.ts";
import type { SessionKey } from "./ids.ts";
import type { Input } from "./input.ts";
import type { Fence, Lease } from "./lease.ts";
import type { Fold } from "./store.ts";
import type { UsageRow } from "./usage.ts";

/** One attempt of an agent to answer one input. */
export interface Run extends SessionKey {
  readonly id: string;
  readonly input: string;
  /** 1 for an input's first run. */
  readonly attempt: number;
  readonly worker: string;
  /** The lease epoch that it began under. */
  readonly epoch: number;
  /** The session's revision that it began from; its commit makes the next one. */
  readonly revision: number;
  readonly state: RunState;
  readonly startedAtMs: number;
  readonly endedAtMs?: number;
  readonly reason?: string;
  /** One JSON object as text: what the agent ended with. */
  readonly outcome?: string;
  readonly receipt?: Receipt;
}

/** Proof that a run's boundary took place. */
export interface Receipt {
  readonly run: string;
  /** Dense from 1 per run. */
  readonly seq: number;
  /** Over what became visible; see {@link digestLines}. */
  readonly digest: string;
  /** How many entries became visible, over all logs. */
  readonly entries: number;
  /** The session's revision after it. */
  readonly revision: number;
  readonly input: string;
  readonly atMs: number;
}

/** A run's staged entries in one log, both ends included, with the hash of their bodies. */
export interface TailPart {
  readonly log: string;
  readonly from: number;
  readonly to: number;
  /** SHA-256 in hex of the bodies, each followed by a line feed. */
  readonly sha256: string;
}

/** All that a run has staged: what its boundary would publish. */
export interface Tail {
  readonly run: Run;
  readonly parts: readonly TailPart[];
}

export type RunState = "running" | "held" | "committed" | "interrupted" | "discarded";

/** What ends or stops a run. */
export type RunVerb = "commit" | "interrupt" | "discard" | "hold";

/** What a store does in the same transaction as the change of state. */
export type RunEffect =
  | "publish_tail"
  | "archive_tail"
  | "write_receipt"
  | "end_input"
  | "free_session"
  | "count_usage";

/** The next state with its effects, or why there is none: `same` was done before, `closed` ended otherwise. */
export type RunStep =
  | { readonly to: RunState; readonly effects: readonly RunEffect[] }
  | { readonly refused: "same" | "closed" };

/** A run's life as one total table. */
export function nextRunState(state: RunState, verb: RunVerb): RunStep {
  return runTable[state][verb];
}

/** Hands out the next input: one run a session, fairly over sessions; see the rules at `Store.claim`. */
export interface ClaimParams {
  readonly worker: string;
  readonly leaseMs: number;
  readonly project?: string;
  readonly session?: string;
  readonly providers?: readonly string[];
  /** No new run for a project that has this many runs open. */
  readonly maxRunsPerProject?: number;
}

export interface Claim {
  readonly input: Input;
  readonly run: Run;
  readonly lease: Lease;
}

/** The one transaction in which a run becomes the truth. */
export interface CommitParams extends Fence {
  readonly session: SessionKey;
  readonly run: string;
  /** What the caller staged; refused with `tail_mismatch` unless the store holds exactly this. */
  readonly parts: readonly TailPart[];
  /** One JSON object as text. */
  readonly outcome: string;
  /** Entries for the main log, behind what was staged, that leave it valid for the provider. */
  readonly closers?: readonly EntryInput[];
  /** Who decided so and why, where it was not the run's own worker: kept on record. */
  readonly decided?: { readonly actor: string; readonly reason: string };
  /** What the session's agent resumes with from now on. */
  readonly resumeToken?: string;
  readonly usage?: readonly UsageRow[];
  readonly fold?: Fold;
}

export interface CommitResult {
  readonly receipt: Receipt;
  /** The same boundary was committed before; nothing was written now. */
  readonly alreadyCommitted: boolean;
}

/** Ends or stops a run without a commit of its own making. */
export interface EndRunParams extends Fence {
  readonly session: SessionKey;
  readonly run: string;
  /**
   * `interrupted` publishes what was staged, with `closers` behind it; `discarded` moves it to `@discarded/…` logs;
   * `held` leaves all as it is until an operator decides.
   */
  readonly as: "interrupted" | "discarded" | "held";
  readonly parts: readonly TailPart[];
  readonly reason: string;
  readonly actor: string;
  /** Entries for the main log that leave it valid for the provider. */
  readonly closers?: readonly EntryInput[];
  /** As in a commit; kept only where the run's entries are. */
  readonly resumeToken?: string;
  /** What was used is paid for, whatever became of the run. */
  readonly usage?: readonly UsageRow[];
  /** Whether the input may be tried again, default true; `uncounted`: also where this was its last try, for it was none. */
  readonly requeue?: boolean | "uncounted";
  readonly fold?: Fold;
}

export interface EndRunResult {
  readonly run: Run;
  readonly input: Input;
  /** The run had ended so before; nothing was written now. */
  readonly alreadyClosed: boolean;
}

/** Newest first; `limit` is 1 to 1,000, default 50. */
export interface RunsParams {
  readonly session?: SessionKey;
  readonly state?: RunState;
  readonly limit?: number;
  readonly cursor?: string;
}

export interface RunPage {
  readonly runs: readonly Run[];
  readonly cursor?: string;
}

/** The lines whose SHA-256 in hex is a boundary's digest: what was staged, in order of the logs' names, then the closers and the outcome. */
export function digestLines(
  parts: readonly TailPart[],
  outcome: string,
  closers: readonly Pick<EntryInput, "body">[] = [],
): string {
  const lines = parts
    .toSorted((a, b) => (a.log < b.log ? -1 : 1))
    .map(({ log, from, to, sha256 }) => `${JSON.stringify([log, from, to, sha256])}\n`);
  return `${lines.join("")}${closers.map(({ body }) => `${body}\n`).join("")}${outcome}\n`;
}

/** How many entries a tail has. */
export function countOf(parts: readonly TailPart[]): number {
  return parts.reduce((sum, { from, to }) => sum + to - from + 1, 0);
}

/** The log that a run's events go to. */
export function eventLog(run: string): string {
  return `@run/${run}`;
}

/** The run whose events a log holds, also where they were put aside; undefined of any other log. */
export function runOf(log: string): string | undefined {
  const [, aside, run] = /^(?:@discarded\/([^/]+)\/)?@run\/([^/]+)$/.exec(log) ?? [];
  return aside === undefined || aside === run ? run : undefined;
}

/** Where the entries of a discarded run are kept. */
export function discardedLog(run: string, log: string): string {
  return `@discarded/${run}/${log}`;
}

const published = ["publish_tail", "write_receipt", "count_usage", "end_input", "free_session"] as const;
const commit: RunStep = { to: "committed", effects: published };
const interrupt: RunStep = { to: "interrupted", effects: ["publish_tail", "end_input", "free_session"] };
const discard: RunStep = { to: "discarded", effects: ["archive_tail", "end_input", "free_session"] };
const hold: RunStep = { to: "held", effects: [] };
const same: RunStep = { refused: "same" };
const closed: RunStep = { refused: "closed" };

const runTable: Readonly<Record<RunState, Readonly<Record<RunVerb, RunStep>>>> = {
  running: { commit, interrupt, discard, hold },
  held: { commit, interrupt, discard, hold: same },
  committed: { commit: same, interrupt: closed, discard: closed, hold: closed },
  interrupted: { commit: closed, interrupt: same, discard: closed, hold: closed },
  discarded: { commit: closed, interrupt: closed, discard: same, hold: closed },
};
