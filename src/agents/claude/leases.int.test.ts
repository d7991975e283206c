import { afterEach, describe, expect, test } from "vitest";
import type { ClaudeLeaseOptions } from "./session-writer.ts";
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

describe.for(Object.entries(drivers))("two mirrors with leases on %s", ([, openWorld]) => {
  let world: World;
  const begin = (...options: ClaudeLeaseOptions[]): [Mirror, Mirror] => {
    world = openWorld();
    return [mirrorIn(world, 0, options[0]), mirrorIn(world, 1, options[1] ?? options[0])];
  };
  afterEach(() => world.end());

  /** Both know the session; the first one holds it. */
  async function beginWithOne(): Promise<[Mirror, Mirror]> {
    const [a, b] = begin();
    await a.sessions.append(main, [said("a1", null)]);
    return [a, b];
  }

  test("refuse the second one's resume and its appends, and say who holds the session", async () => {
    const [a, b] = await beginWithOne();
    const busy = {
      code: "session_busy",
      retryable: true,
      data: {
        owner: expect.stringContaining(`process ${process.pid}`),
        sinceMs: world.time.nowMs,
        untilMs: world.time.nowMs + leaseMs,
      },
    };
    await expect(b.sessions.load(main)).rejects.toMatchObject(busy);
    await expect(b.sessions.append(main, [said("b1", null)])).rejects.toMatchObject(busy);
    await expect(b.sessions.append(agent, [said("b1", null)])).rejects.toMatchObject(busy);
    await expect(b.sessions.delete(main)).rejects.toMatchObject(busy);
    expect(b.sessions.health()).toMatchObject({ refused: 2, leasesLost: 0 });
    expect(await uuidsIn(a.store)).toEqual(["a1"]);
  });

  test("hold a session that was only resumed yet", async () => {
    const [a, b] = await beginWithOne();
    await a.sessions.release(main);
    expect(await b.sessions.load(main)).toHaveLength(1);
    await expect(a.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
  });

  test("hand a session over when the first one gives it back, and go on without a branch", async () => {
    const [a, b] = await beginWithOne();
    await a.sessions.release(main);
    await b.sessions.load(main);
    await b.sessions.append(main, [said("b1", "a1")]);
    await b.sessions.close();
    await a.sessions.load(main);
    await a.sessions.append(main, [said("a2", "b1")]);
    expect(await uuidsIn(a.store)).toEqual(["a1", "b1", "a2"]);
    for (const { sessions, losses } of [a, b]) {
      expect(sessions.health()).toMatchObject({ branches: 0, leasesLost: 0, refused: 0 });
      expect(losses).toEqual([]);
    }
  });

  test("let everybody list and read what is held, and no reader takes a lease", async () => {
    const [a, b] = await beginWithOne();
    await a.sessions.append(agent, [said("s1", null)]);
    const look = async (): Promise<void> => {
      expect(await b.sessions.listSessions(main.projectKey)).toHaveLength(1);
      await b.sessions.listSessionSummaries(main.projectKey);
      expect(await b.sessions.listSubkeys(main)).toEqual([agent.subpath]);
      expect(await b.sessions.load(agent)).toHaveLength(1);
    };
    await look();
    await a.sessions.release(main);
    await look();
    expect(await b.store.lease(key)).toBeNull();
    const viewer = mirrorIn(world, 1, { lease: "none" });
    expect(await viewer.sessions.load(main)).toHaveLength(1);
    expect(await b.store.lease(key)).toBeNull();
  });

  test("leave no trace of a session that was asked for and is not there", async () => {
    const [a] = begin();
    expect(await a.sessions.load(main)).toBeNull();
    await a.sessions.delete(main);
    expect((await a.store.acquireLease({ session: key, owner: "first", leaseMs })).epoch).toBe(1);
  });

  test("write a fork and a cleared conversation under leases of their own", async () => {
    const [a, b] = await beginWithOne();
    const fork = { ...main, sessionId: "6a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };
    await a.sessions.append(fork, [said("a1", null)]);
    await expect(b.sessions.append(fork, [said("b1", null)])).rejects.toMatchObject({
      code: "session_busy",
    });
    await a.sessions.release(fork);
    await b.sessions.append(fork, [said("b1", "a1")]);
    await expect(b.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
  });

  test("keep a session as long as it is in use, and give it back when it is not", async () => {
    const [a, b] = await beginWithOne();
    for (let step = 0; step < 4; step += 1) {
      world.time.nowMs += 20_000;
      a.sessions.observe({ type: "assistant", session_id: main.sessionId });
      await a.tick();
      await expect(b.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    }
    world.time.nowMs += 20_000;
    await a.tick();
    world.time.nowMs += 20_000;
    await a.tick();
    await expect(b.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    world.time.nowMs += 20_000;
    await a.tick();
    expect(await b.sessions.load(main)).toHaveLength(1);
    expect(await a.tick()).toBe(0);
    expect(a.losses).toEqual([]);
  });

  test("take a session over whose holder died, and not before its lease is over", async () => {
    const [, b] = await beginWithOne();
    world.time.nowMs += leaseMs - 1;
    await expect(b.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    world.time.nowMs += 1;
    expect(await b.sessions.load(main)).toHaveLength(1);
    await b.sessions.append(main, [said("b1", "a1")]);
    expect(await uuidsIn(b.store)).toEqual(["a1", "b1"]);
  });

  test.for([0, 1])("go on after a sleep in which nobody wrote (%i timers ran)", async (ticks) => {
    const [a, b] = await beginWithOne();
    world.time.nowMs += 10 * leaseMs;
    a.sessions.observe({ type: "assistant", session_id: main.sessionId });
    for (let tick = 0; tick < ticks; tick += 1) await a.tick();
    await a.sessions.append(main, [said("a2", "a1")]);
    await expect(b.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    expect(a.sessions.health()).toMatchObject({ refused: 0, leasesLost: 0, appends: 2 });
    expect(a.losses).toEqual([]);
  });

  test("go on after the other one resumed the session and said nothing", async () => {
    const [a, b] = await beginWithOne();
    world.time.nowMs += leaseMs;
    await b.sessions.load(main);
    await b.sessions.append(main, [{ type: "custom-title", customTitle: "Named" }]);
    await b.sessions.release();
    await a.sessions.append(main, [said("a2", "a1")]);
    expect(a.sessions.health()).toMatchObject({ refused: 0, leasesLost: 0, branches: 0 });
  });

  test("refuse what would be a branch after a sleep, also when it is tried again, until a resume", async () => {
    const [a, b] = await beginWithOne();
    world.time.nowMs += leaseMs;
    await b.sessions.load(main);
    await b.sessions.append(main, [said("b1", "a1")]);
    await b.sessions.release();
    const batch = [said("a2", "a1")];
    for (let tries = 0; tries < 3; tries += 1)
      await expect(a.sessions.append(main, batch)).rejects.toMatchObject({ code: "lease_lost" });
    await expect(a.sessions.append(agent, [said("s2", null)])).rejects.toMatchObject({
      code: "lease_lost",
    });
    expect(a.sessions.health()).toMatchObject({ refused: 4, leasesLost: 1, branches: 0 });
    expect(a.losses.map(({ code }) => code)).toEqual(["lease_lost"]);
    expect(a.warnings).toEqual([expect.stringContaining("another writer")]);
    expect(await a.store.lease(key)).toBeNull();
    expect(await a.sessions.load(main)).toHaveLength(2);
    await a.sessions.append(main, [said("a3", "b1")]);
    expect(await uuidsIn(a.store)).toEqual(["a1", "b1", "a3"]);
  });

  test("let a resume go back behind what the other one said", async () => {
    const [a, b] = await beginWithOne();
    await a.sessions.release();
    await b.sessions.append(main, [said("b1", "a1")]);
    await b.sessions.release();
    await a.sessions.load(main);
    await a.sessions.append(main, [said("a2", "a1")]);
    expect(await uuidsIn(a.store)).toEqual(["a1", "b1", "a2"]);
    expect(a.branches).toEqual([{ ...key, log: "", from: 3, to: 3, besideFrom: 2, besideTo: 2 }]);
  });

  test("let a title through that goes on from nothing, and refuse the words after it", async () => {
    const [a, b] = await beginWithOne();
    await a.sessions.release();
    await b.sessions.append(main, [said("b1", "a1")]);
    await b.sessions.release();
    await a.sessions.append(main, [{ type: "custom-title", customTitle: "Named" }]);
    await expect(a.sessions.append(main, [said("a2", "a1")])).rejects.toMatchObject({ code: "lease_lost" });
  });

  test("tell the holder before its next append that another one holds the session, and who", async () => {
    const [a, b] = await beginWithOne();
    world.time.nowMs += leaseMs;
    await b.sessions.load(main);
    await a.tick();
    expect(a.losses).toHaveLength(1);
    expect(a.losses[0]).toMatchObject({
      code: "lease_lost",
      data: { owner: (await b.store.lease(key))!.owner, sinceMs: world.time.nowMs },
    });
    await expect(a.sessions.append(main, [said("a2", "a1")])).rejects.toMatchObject({ code: "lease_lost" });
    await expect(a.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    expect(a.losses).toHaveLength(1);
    expect(await uuidsIn(a.store)).toEqual(["a1"]);
  });

  test("tell the holder of it also where the other one has said something and left", async () => {
    const [a, b] = await beginWithOne();
    world.time.nowMs += leaseMs;
    await b.sessions.load(main);
    await b.sessions.append(main, [said("b1", "a1")]);
    await b.sessions.release();
    await a.tick();
    expect(a.losses).toMatchObject([{ code: "lease_lost" }]);
    expect(await b.sessions.load(main)).toHaveLength(2);
  });

  test("tell a holder that resumes itself, and finds the session taken", async () => {
    const [a, b] = await beginWithOne();
    world.time.nowMs += leaseMs;
    await b.sessions.load(main);
    await expect(a.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    expect(a.losses).toMatchObject([{ code: "lease_lost" }]);
  });

  test.for([0, 1])(
    "obey an operator who ends the lease, also where nobody wrote (%i timers ran)",
    async (ticks) => {
      const [a] = await beginWithOne();
      await a.store.clearLease({ session: key, actor: "operator", reason: "it hangs" });
      for (let tick = 0; tick < ticks; tick += 1) await a.tick();
      for (let tries = 0; tries < 2; tries += 1)
        await expect(a.sessions.append(main, [said("a2", "a1")])).rejects.toMatchObject({
          code: "lease_lost",
        });
      expect(a.losses).toMatchObject([{ code: "lease_lost" }]);
      expect(await uuidsIn(a.store)).toEqual(["a1"]);
      expect(await a.store.lease(key)).toBeNull();
      await a.sessions.load(main);
      await a.sessions.append(main, [said("a3", "a1")]);
      expect(await uuidsIn(a.store)).toEqual(["a1", "a3"]);
    },
  );

  test("take no clearing from before their lease for one that ended it", async () => {
    const [a, b] = begin();
    await a.store.acquireLease({ session: key, owner: "somebody who hangs", leaseMs });
    await a.store.clearLease({ session: key, actor: "operator" });
    await a.sessions.append(main, [said("a1", null)]);
    world.time.nowMs += leaseMs;
    await a.sessions.append(main, [said("a2", "a1")]);
    await a.sessions.release();
    await b.sessions.load(main);
    await b.sessions.release();
    await a.sessions.append(main, [said("a3", "a2")]);
    expect(a.losses).toEqual([]);
  });

  test("tell a holder whose store has not answered for a whole lease", async () => {
    const [a] = await beginWithOne();
    world.time.nowMs += 10_000;
    await a.tick();
    const renewLease = a.store.renewLease.bind(a.store);
    a.store.renewLease = () => Promise.reject(new Error("the disk is away"));
    world.time.nowMs += leaseMs - 1;
    await a.tick();
    expect(a.losses).toEqual([]);
    world.time.nowMs += 1;
    await a.tick();
    await a.tick();
    expect(a.losses).toMatchObject([{ code: "lease_lost" }]);
    a.store.renewLease = renewLease;
    await a.sessions.append(main, [said("a2", "a1")]);
    expect(a.sessions.health()).toMatchObject({ refused: 0, leasesLost: 1 });
  });

  test("tell a holder whose session was removed for good", async () => {
    const [a] = await beginWithOne();
    await a.store.drop({ session: key, actor: "operator" });
    await a.tick();
    expect(a.losses).toMatchObject([{ code: "lease_lost" }]);
    await expect(a.sessions.append(main, [said("a2", "a1")])).rejects.toMatchObject({
      code: "session_dropped",
    });
  });

  test("keep the order of appends that are made at once", async () => {
    const [a] = begin();
    const uuids = Array.from({ length: 20 }, (_, index) => `a${index}`);
    await Promise.all(
      uuids.map((uuid, index) => a.sessions.append(main, [said(uuid, uuids[index - 1] ?? null)])),
    );
    expect(await uuidsIn(a.store)).toEqual(uuids);
    expect(a.sessions.health()).toMatchObject({ branches: 0, refused: 0 });
  });

  test("begin no new lease before the old one is given back", async () => {
    const [a] = await beginWithOne();
    const gate = Promise.withResolvers<void>();
    const releaseLease = a.store.releaseLease.bind(a.store);
    a.store.releaseLease = (params) => gate.promise.then(() => releaseLease(params));
    const releasing = a.sessions.release();
    const appending = a.sessions.append(main, [said("a2", "a1")]);
    gate.resolve();
    await Promise.all([releasing, appending]);
    expect(await a.store.lease(key)).toMatchObject({ epoch: 2 });
  });

  test("refuse a first word beside the one that another writer began the session with", async () => {
    const [a, b] = begin();
    await a.sessions.append(agent, [said("s1", null)]);
    await a.sessions.release();
    await b.sessions.append(main, [said("b1", null)]);
    await b.sessions.release();
    await expect(a.sessions.append(main, [said("a1", null)])).rejects.toMatchObject({ code: "lease_lost" });
  });

  test.for(["deletes it itself", "finds it deleted"])(
    "refuse what goes on from a session that another one began anew, where the writer %s",
    async (how) => {
      const [a, b] = await beginWithOne();
      await a.sessions.append(main, [said("a2", "a1")]);
      if (how === "deletes it itself") await a.sessions.delete(main);
      await a.sessions.release();
      if (how === "finds it deleted") await b.sessions.delete(main);
      const anew = how === "deletes it itself" ? [said("b1", null), said("b2", "b1")] : [said("b1", null)];
      await b.sessions.append(main, anew);
      await b.sessions.release();
      await expect(a.sessions.append(main, [said("a3", "a2")])).rejects.toMatchObject({ code: "lease_lost" });
      expect(await uuidsIn(a.store)).toHaveLength(anew.length);
    },
  );

  test("find their own lease where the answer to its beginning was lost", async () => {
    const [a] = begin();
    const acquireLease = a.store.acquireLease.bind(a.store);
    a.store.acquireLease = async (params) => {
      a.store.acquireLease = acquireLease;
      await acquireLease(params);
      throw new Error("the answer was lost");
    };
    await expect(a.sessions.append(main, [said("a1", null)])).rejects.toThrow("the answer was lost");
    await a.sessions.append(main, [said("a1", null)]);
    expect(await uuidsIn(a.store)).toEqual(["a1"]);
  });

  test("go on with a session of which they deleted a subagent", async () => {
    const [a] = await beginWithOne();
    await a.sessions.append(agent, [said("s1", null)]);
    await a.sessions.delete(agent);
    await a.sessions.release();
    await a.sessions.append({ ...main, subpath: "subagents/agent-2" }, [said("s2", null)]);
    expect(a.sessions.health()).toMatchObject({ refused: 0, leasesLost: 0 });
  });

  test("hold nothing of a session that they deleted", async () => {
    const [a] = await beginWithOne();
    await a.sessions.delete(main);
    await a.tick();
    expect(await a.store.lease(key)).toBeNull();
  });

  test("start a session anew that was deleted, and hold it", async () => {
    const [a, b] = await beginWithOne();
    await a.sessions.delete(main);
    await a.sessions.append(main, [said("a2", null)]);
    await expect(b.sessions.load(main)).rejects.toMatchObject({ code: "session_busy" });
    await a.sessions.release();
    await b.sessions.delete(main);
    await a.sessions.append(main, [said("a3", null)]);
    expect(await uuidsIn(a.store)).toEqual(["a3"]);
  });

  test("stop their timers when the store is closed", async () => {
    const [a] = await beginWithOne();
    await a.store.close();
    await a.tick();
    expect(await a.tick()).toBe(0);
    expect(a.losses).toEqual([]);
  });
});
