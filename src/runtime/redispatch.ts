import { type ErrorCode, HoldfastError, isHoldfastError } from "../core/errors.ts";
import { isFinal } from "../core/holdings.ts";
import type { SessionKey } from "../core/ids.ts";
import type { Input } from "../core/input.ts";
import type { Store } from "../core/store.ts";
import { inputClosed } from "../core/work-checks.ts";
import { sessionKeys } from "./session-keys.ts";

export interface RedispatchParams {
  readonly store: Store;
  /** Who decides, on record, and why. */
  readonly actor: string;
  readonly reason?: string;
  /** Only inputs of this session, of this project, or this one. */
  readonly session?: SessionKey;
  readonly project?: string;
  readonly input?: string;
  /** Tells what would be done, and writes nothing. */
  readonly dryRun?: boolean;
}

/** An input as it is then, and what became of it. */
export type Redispatched = { readonly input: Input } & (
  | { readonly result: "queued" }
  /** `open`: it is queued or running; `given_up`: its last run was put aside, by an operator or a refused commit. */
  | { readonly result: "left"; readonly because: "open" | "given_up" }
  | { readonly result: "failed"; readonly code: ErrorCode | "unexpected"; readonly message: string }
);

export interface RedispatchReport {
  readonly dryRun: boolean;
  /** The oldest first within a session. */
  readonly inputs: readonly Redispatched[];
  /** A session has more than could be looked at: again shows them. */
  readonly more: boolean;
}

/**
 * Queues again the inputs that were interrupted in their last try. What was given up by a decision is queued again only
 * where it is named. What was cancelled or answered never is, and doing it twice does it once.
 *
 * @throws input_unknown, input_closed for the input that is named
 */
export async function redispatch(params: RedispatchParams): Promise<RedispatchReport> {
  const { dryRun = false, input } = params;
  if (input !== undefined) return { dryRun, inputs: [await named(params, input)], more: false };
  const inputs: Redispatched[] = [];
  let more = false;
  for await (const page of abandonedPages(params)) {
    more ||= page.length === pageSize;
    for (const one of page.toReversed()) inputs.push(await settle(params, one));
  }
  return { dryRun, inputs, more };
}

async function named(params: RedispatchParams, id: string): Promise<Redispatched> {
  const { store, session, project } = params;
  const [found] = await store.inputs({ input: id, limit: 1, ...(session && { session }) });
  if (found === undefined || (project !== undefined && found.project !== project)) throw unknown(id);
  if (!isFinal(found)) return { input: found, result: "left", because: "open" };
  if (found.state !== "abandoned") throw inputClosed(found);
  return await queue(params, found);
}

async function settle(params: RedispatchParams, input: Input): Promise<Redispatched> {
  try {
    const run = input.run === undefined ? null : await params.store.run({ run: input.run });
    if (run?.state === "discarded") return { input, result: "left", because: "given_up" };
    return await queue(params, input);
  } catch (error) {
    if (!isHoldfastError(error))
      return { input, result: "failed", code: "unexpected", message: String(error) };
    return { input, result: "failed", code: error.code, message: error.message };
  }
}

async function queue(params: RedispatchParams, input: Input): Promise<Redispatched> {
  if (params.dryRun === true) return { input, result: "queued" };
  const { store, actor, reason } = params;
  const session = { project: input.project, session: input.session };
  const asked = { session, input: input.id, actor, ...(reason === undefined ? {} : { reason }) };
  const done = await store.requeue(asked);
  return done.requeued
    ? { input: done.input, result: "queued" }
    : { input: done.input, result: "left", because: "open" };
}

/** Those of the whole store where one page holds them all, else session by session. */
async function* abandonedPages({
  store,
  session,
  project,
}: RedispatchParams): AsyncGenerator<readonly Input[]> {
  const page = async (of?: SessionKey) =>
    await store.inputs({ state: "abandoned", limit: pageSize, ...(of && { session: of }) });
  if (session !== undefined) return yield await page(session);
  const all = await page();
  if (all.length < pageSize) yield all.filter((input) => project === undefined || input.project === project);
  else for await (const key of sessionKeys(store, project)) yield await page(key);
}

const pageSize = 1000;

function unknown(id: string): HoldfastError {
  return new HoldfastError({
    code: "input_unknown",
    message: `There is no input ${id} here.`,
    next: "List the inputs that were given up to find its id.",
    data: { input: id },
  });
}
