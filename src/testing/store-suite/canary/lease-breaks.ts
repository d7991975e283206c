import type { SessionKey } from "../../../core/ids.ts";
import type { Lease } from "../../../core/lease.ts";
import type { Store } from "../../../core/store.ts";
import { type Breaks, unlessRefused } from "./breaks.ts";

/** Stores whose leases and fences keep nobody out, or the wrong ones. */
export const leaseBreaks: Breaks = {
  "lets a second holder in": [
    "leases",
    (s) => ({
      acquireLease: (p) =>
        unlessRefused(
          "session_busy",
          () => s.acquireLease(p),
          async () => {
            await endLeaseOf(s, p.session);
            return s.acquireLease(p);
          },
        ),
    }),
  ],
  "lets a holder in a second time": [
    "leases",
    (s) => ({
      acquireLease: async (p) => {
        const live = await s.lease(p.session);
        return live?.owner === p.owner ? live : s.acquireLease(p);
      },
    }),
  ],
  "gives an epoch twice": [
    "leases",
    (s) => ({ acquireLease: async (p) => ({ ...(await s.acquireLease(p)), epoch: 1 }) }),
  ],
  "takes its time from the machine": [
    "leases",
    (s) => ({ acquireLease: async (p) => ({ ...(await s.acquireLease(p)), sinceMs: Date.now() }) }),
  ],
  "shows a lease that has run out": [
    "leases",
    (s) => {
      const seen = new Map<string, Lease>();
      return {
        lease: async (key) => {
          const live = await s.lease(key);
          if (live !== null) seen.set(key.session, live);
          return live ?? seen.get(key.session) ?? null;
        },
      };
    },
  ],
  "renews a lease from its beginning": [
    "leases",
    (s) => ({
      renewLease: async (p) => {
        const lease = await s.renewLease(p);
        return { ...lease, untilMs: lease.sinceMs + p.leaseMs };
      },
    }),
  ],
  "begins a lease anew when it is renewed": [
    "leases",
    (s) => ({
      renewLease: async (p) => {
        const lease = await s.renewLease(p);
        return { ...lease, sinceMs: lease.untilMs - p.leaseMs };
      },
    }),
  ],
  "renews a lease that has ended": [
    "leases",
    (s) => ({
      renewLease: (p) =>
        unlessRefused(
          "lease_lost",
          () => s.renewLease(p),
          () => s.acquireLease({ ...p, owner: "w-1" }),
        ),
    }),
  ],
  "releases whatever lease there is": [
    "leases",
    (s) => ({
      releaseLease: async (p) =>
        s.releaseLease({ ...p, epoch: (await s.lease(p.session))?.epoch ?? p.epoch }),
    }),
  ],
  "says that nothing was released": [
    "leases",
    (s) => ({
      releaseLease: async (p) => {
        await s.releaseLease(p);
        return { released: false };
      },
    }),
  ],
  "clears a lease without a new epoch": [
    "leases",
    (s) => ({
      clearLease: async (p) => {
        const cleared = await s.lease(p.session);
        if (cleared === null) return s.clearLease(p);
        await endLeaseOf(s, p.session);
        return { cleared, epoch: cleared.epoch };
      },
    }),
  ],
  "clears the lease of a session that is not there": [
    "leases",
    (s) => ({
      clearLease: (p) =>
        unlessRefused(
          "session_unknown",
          () => s.clearLease(p),
          () => ({ cleared: null, epoch: 1 }),
        ),
    }),
  ],
  "clears leases off the record": [
    "leases",
    (s) => ({ audit: async (p) => (await s.audit(p)).filter(({ verb }) => verb !== "lease_cleared") }),
  ],
  "leases a session that was dropped": [
    "leases",
    (s) => ({
      acquireLease: (p) =>
        unlessRefused(
          "session_dropped",
          () => s.acquireLease(p),
          () => ({ ...p.session, owner: p.owner, epoch: 9, sinceMs: 0, untilMs: 1 }),
        ),
    }),
  ],
  "leases for any time": [
    "leases",
    (s) => ({
      acquireLease: (p) =>
        unlessRefused(
          "invalid_lease",
          () => s.acquireLease(p),
          () => s.acquireLease({ ...p, owner: "w", leaseMs: 1 }),
        ),
    }),
  ],
  "ignores fences": ["fences", (s) => ({ append: ({ fence: _, ...p }) => s.append(p) })],
  "asks for no fence where nothing is written": [
    "fences",
    (s) => ({
      append: ({ fence, ...p }) => s.append(p.entries.length === 0 || !fence ? p : { ...p, fence }),
    }),
  ],
  "takes a fence of an earlier epoch": [
    "fences",
    (s) => ({
      append: async (p) => {
        const live = await s.lease(p.log);
        return s.append(p.fence && live ? { ...p, fence: { epoch: live.epoch } } : p);
      },
    }),
  ],
  "holds back who writes without a fence": [
    "fences",
    (s) => ({
      append: async (p) =>
        p.fence === undefined && (await s.lease(p.log)) !== null
          ? s.append({ ...p, fence: { epoch: 0 } })
          : s.append(p),
    }),
  ],
};

/** Ends a session's lease as its holder would. */
export async function endLeaseOf(store: Store, session: SessionKey): Promise<void> {
  const lease = await store.lease(session);
  if (lease !== null) await store.releaseLease({ session, epoch: lease.epoch });
}
