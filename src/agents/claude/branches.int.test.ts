import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { blockHash, recordMove } from "../../core/reading-order.ts";
import type { Store } from "../../core/store.ts";
import type { ClaudeEntry } from "./contract.ts";
import type { ClaudeLeaseOptions } from "./session-writer.ts";
import { verifySession } from "./verify.ts";
import {
  agent,
  drivers,
  key,
  leaseMs,
  main,
  type Mirror,
  mirrorIn,
  said,
  uuidsIn,
  type World,
} from "../../../test/claude/mirrors.ts";

describe.for(Object.entries(drivers))("two mirrors without leases on %s", ([, openWorld]) => {
  let world: World;
  const begin = (...options: ClaudeLeaseOptions[]): [Mirror, Mirror] => {
    world = openWorld();
    return [mirrorIn(world, 0, options[0]), mirrorIn(world, 1, options[1] ?? options[0])];
  };
  afterEach(() => world.end());

  const none = { lease: "none" } as const;

  test("let both write, and report the branch at once", async () => {
    const [a, b] = begin(none);
    await a.sessions.append(main, [said("a1", null)]);
    await b.sessions.load(main);
    await a.sessions.append(main, [said("a2", "a1"), said("a3", "a2")]);
    await b.sessions.append(main, [said("b1", "a1")]);
    expect(b.branches).toEqual([{ ...key, log: "", from: 4, to: 4, besideFrom: 2, besideTo: 3 }]);
    expect(b.warnings).toEqual([expect.stringContaining("Entries 4 to 4 of session 5a4f2a52")]);
    expect(b.sessions.health()).toMatchObject({ branches: 1, refused: 0 });
    const { findings } = await verifySession(b.store, key);
    expect(findings).toMatchObject([{ code: "branch", seq: 2 }]);
  });

  test("find the branch of a subagent", async () => {
    const [a, b] = begin(none);
    await a.sessions.append(agent, [said("a1", null)]);
    await b.sessions.load(agent);
    await a.sessions.append(agent, [said("a2", "a1")]);
    await b.sessions.append(agent, [said("b1", "a1")]);
    expect(b.branches).toMatchObject([{ log: agent.subpath }]);
  });

  test("take no resume of what the other one said for a branch, also after a compaction", async () => {
    const [a, b] = begin(none);
    await a.sessions.append(main, [said("a1", null)]);
    await b.sessions.append(main, [said("b1", "a1")]);
    await a.sessions.load(main);
    await a.sessions.append(main, [
      { type: "system", subtype: "compact_boundary", uuid: "c", parentUuid: null, logicalParentUuid: "b1" },
      said("a2", "c"),
    ]);
    expect([...a.branches, ...b.branches]).toEqual([]);
  });

  test.for(["one by one", "at once"])(
    "take no import of a turn that is mirrored %s for a branch",
    async (mirrored) => {
      const [a, b] = begin(none);
      const turn = [said("a1", null), said("a2", "a1"), said("a3", "a2")];
      await a.sessions.append(main, [turn[0]!]);
      await b.store.append({ log: { ...key, log: "" }, entries: turn.map(inputOf) });
      if (mirrored === "one by one") await a.sessions.append(main, [turn[1]!]);
      await a.sessions.append(main, [...turn.slice(1), said("a4", "a3")]);
      expect(a.branches).toEqual([]);
    },
  );

  test("take nothing that a rescue brought back, and that is read earlier, for a branch", async () => {
    const [a, b] = begin(none);
    await a.sessions.append(main, [said("a1", null)]);
    await a.sessions.append(main, [said("a2", "a1")]);
    const lost = [said("x1", "a1"), said("x2", "x1")].map(inputOf);
    const hash = blockHash(lost.map(({ body }) => body));
    await recordMove(b.store, key, { log: "", after: 1, from: 3, to: 4, hash });
    await b.store.append({ log: { ...key, log: "" }, entries: lost });
    await a.sessions.append(main, [said("a3", "a2")]);
    expect(a.branches).toEqual([]);
  });

  test("take no append of their own that overlaps for a stranger's", async () => {
    const [a] = begin(none);
    await a.sessions.append(main, [said("root", null)]);
    const append = a.store.append.bind(a.store);
    const gate = Promise.withResolvers<void>();
    a.store.append = async (params) => {
      const result = await append(params);
      // The first one that is stored is answered last.
      if (result.to === 2) await gate.promise;
      return result;
    };
    const first = a.sessions.append(main, [said("x", "root")]);
    await Promise.all(["y", "z"].map((uuid) => a.sessions.append(main, [said(uuid, "root")])));
    gate.resolve();
    await first;
    expect(a.branches).toEqual([]);
  });

  test("store a batch though the listener fails that hears of its branch", async () => {
    const faults: unknown[] = [];
    const hear = (error: unknown): void => void faults.push(error);
    const heard = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException").on("uncaughtException", hear);
    try {
      const onBranch = (): void => {
        throw new Error("a fault of the listener");
      };
      const [a, b] = begin(none, { ...none, onBranch });
      await a.sessions.append(main, [said("a1", null)]);
      await b.sessions.load(main);
      await a.sessions.append(main, [said("a2", "a1")]);
      await b.sessions.append(main, [said("b1", "a1")]);
      expect(await uuidsIn(b.store)).toEqual(["a1", "a2", "b1"]);
      await new Promise((resolve) => setImmediate(resolve));
      expect(faults).toEqual([new Error("a fault of the listener")]);
    } finally {
      process.off("uncaughtException", hear);
      for (const listener of heard) process.on("uncaughtException", listener);
    }
  });

  test("write under a lease that was given, which is neither renewed nor ended", async () => {
    world = openWorld();
    const [store] = world.stores as [Store];
    const lease = await store.acquireLease({ session: key, owner: "run 1", leaseMs });
    const given = mirrorIn(world, 1, { lease });
    await given.sessions.append(main, [said("a1", null)]);
    await given.sessions.load(main);
    world.time.nowMs += leaseMs - 1;
    await given.tick();
    await given.sessions.close();
    expect(await store.lease(key)).toEqual(lease);
    await store.clearLease({ session: key, actor: "operator" });
    for (const at of [main, agent])
      await expect(given.sessions.append(at, [said("a2", "a1")])).rejects.toMatchObject({
        code: "lease_lost",
      });
    expect(given.losses).toMatchObject([{ code: "lease_lost", data: { epoch: lease.epoch } }]);
    expect(given.sessions.health()).toMatchObject({ refused: 2, leasesLost: 1 });
    await given.sessions.append({ ...main, sessionId: "another" }, [said("o1", null)]);
    expect(await uuidsIn(store)).toEqual(["a1"]);
  });
});

describe("two agents that load, say, give back and sleep in any order", () => {
  const step = fc.record({
    who: fc.constantFrom(0, 1),
    does: fc.constantFrom("load", "say", "say", "release", "sleep", "tick"),
  });

  test.for(["auto", "none"] as const)("leave no branch that nobody reports (%s)", async (lease) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const world = drivers.memory();
        const agents = [0, 1].map((which) => newAgent(mirrorIn(world, which, { lease })));
        try {
          for (const { who, does } of steps) {
            if (does === "sleep") world.time.nowMs += leaseMs;
            else await agents[who]![does]();
          }
          const { findings } = await verifySession(world.stores[0]!, key);
          const lost = findings.filter(({ code }) => code === "branch" || code === "extra_root");
          const reported = agents.some(({ mirror }) => mirror.sessions.health().branches > 0);
          expect(reported).toBe(lost.length > 0);
          if (lease === "auto") expect(lost).toEqual([]);
        } finally {
          await world.end();
        }
      }),
      { numRuns: 1500, seed: 20_261_121 },
    );
  });

  // As the SDK does it: it goes on from its own last word, whether that could be stored or not.
  function newAgent(mirror: Mirror) {
    let leaf: string | null | undefined;
    let words = 0;
    const me = Math.random().toString(36).slice(2);
    return {
      mirror,
      load: async () => {
        const entries = await mirror.sessions.load(main).catch(() => undefined);
        if (entries !== undefined) leaf = entries?.at(-1)?.uuid ?? null;
      },
      say: async () => {
        if (leaf === undefined) return;
        const uuid = `${me}-${(words += 1)}`;
        const parent = leaf;
        leaf = uuid;
        await mirror.sessions.append(main, [said(uuid, parent)]).catch(() => undefined);
      },
      release: () => mirror.sessions.release(),
      tick: async () => void (await mirror.tick()),
    };
  }
});

function inputOf(entry: ClaudeEntry): { body: string; uuid: string } {
  return { body: JSON.stringify(entry), uuid: entry.uuid! };
}
