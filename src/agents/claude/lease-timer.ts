/** A mirror's own sense of time, which says when to renew a lease; whether it is still live the store's clock says. */
export interface LeaseTimer {
  /** Ms that only grow, from any start. */
  now(): number;
  /** Calls again and again until it is stopped. Keeps no process alive. */
  every(ms: number, call: () => Promise<void>): () => void;
}

/** The machine's own. */
export const systemLeaseTimer: LeaseTimer = {
  now: () => performance.now(),
  every(ms, call) {
    const timer = setInterval(() => void call(), ms).unref();
    return () => clearInterval(timer);
  },
};
