import type { SessionKey } from "../../core/ids.ts";
import type { Lease } from "../../core/lease.ts";

/** What a mirror knows of a session that it has used; without `entered` it holds no lease. */
export interface Hold {
  readonly key: SessionKey;
  /** One promise for all who want to write: they are let in, in the order of asking. */
  entered: Promise<Right> | undefined;
  /** What `entered` has given, as long as it is not known to have ended. */
  right: Right | undefined;
  /** The lease under which this writer wrote or read last. */
  last: Lease | undefined;
  /** A lease that is being given back: what begins anew waits for it. */
  ending: Promise<void> | undefined;
  pending: number;
  usedAtMs: number;
  renewedAtMs: number;
  lossTold: boolean;
}

/** A lease that is believed to be live. */
export interface Right {
  readonly lease: Lease;
  /** Before it there was a time without a lease, in which others may have gone on. */
  unchecked: boolean;
}

export function newHold({ project, session }: SessionKey, nowMs: number): Hold {
  return {
    key: { project, session },
    entered: undefined,
    right: undefined,
    last: undefined,
    ending: undefined,
    pending: 0,
    usedAtMs: nowMs,
    renewedAtMs: nowMs,
    lossTold: false,
  };
}

/** Holds a lease no more, unless another one came after it. */
export function leave(hold: Hold, right: Right): void {
  if (hold.right !== right) return;
  hold.right = undefined;
  hold.entered = undefined;
}
