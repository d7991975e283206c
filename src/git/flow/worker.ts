import { flowPaths } from "./flow-paths.ts";
import { logFailure } from "./hook-log.ts";
import { kernelLock } from "./kernel-lock.ts";
import { type EventKind, Spool, type SpooledEvent } from "./spool.ts";

/** What is to be done for an event; when it resolves, the work is durable and the event goes. */
export type EventHandler = (event: SpooledEvent) => Promise<void>;

export interface WorkParams {
  readonly commonDir: string;
  /** Events of a kind that nobody handles stay in the spool. */
  readonly handlers: Readonly<Partial<Record<EventKind, EventHandler>>>;
  /** Runs with the lock held whenever the spool has been drained, such as to push what is queued. */
  readonly whenDrained?: () => Promise<void>;
  readonly signal?: AbortSignal;
  /** How long another worker is waited for; default not at all. */
  readonly waitMs?: number;
}

export interface Worked {
  /** False: another worker has the repository, and sees to all that is in the spool. */
  readonly held: boolean;
  readonly done: number;
  /** Events whose work failed now; they wait for the next worker. */
  readonly failed: number;
}

/**
 * Does what the spool asks for, in order, as the one worker of the repository. An event whose work fails stays, and so
 * do all behind it of the same kind, because each builds on the one before.
 */
export async function work(params: WorkParams): Promise<Worked> {
  const { commonDir, signal, waitMs = 0 } = params;
  const spool = new Spool({ commonDir });
  let worked: Worked = { held: false, done: 0, failed: 0 };
  for (;;) {
    using lock = kernelLock(flowPaths(commonDir).workerLock, { waitMs });
    if (lock === null) return worked;
    const { done, failed } = await drain(spool, params);
    worked = { held: true, done: worked.done + done, failed };
    await params.whenDrained?.();
    lock[Symbol.dispose]();
    // Whoever noted an event while the lock was held has gone away because of it.
    const isDrained = spool.names().every((name) => isLeft(spool, name, params));
    if (isDrained || failed > 0 || signal?.aborted === true) return worked;
  }
}

async function drain(spool: Spool, { commonDir, handlers, signal }: WorkParams) {
  const stuck = new Set<EventKind>();
  let [done, failed] = [0, 0];
  for (const name of spool.names()) {
    if (signal?.aborted === true) break;
    const event = spool.read(name);
    const handle = event === undefined || stuck.has(event.kind) ? undefined : handlers[event.kind];
    if (event === undefined || handle === undefined) continue;
    try {
      await handle(event);
      spool.done(name);
      done += 1;
    } catch (error) {
      logFailure(commonDir, `${event.kind} ${name}`, error);
      stuck.add(event.kind);
      failed += 1;
    }
  }
  return { done, failed };
}

function isLeft(spool: Spool, name: string, { handlers }: WorkParams): boolean {
  const event = spool.read(name);
  return event === undefined || handlers[event.kind] === undefined;
}
