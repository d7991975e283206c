import { describe, expect, test } from "vitest";
import { beginRun, stageEvents, stoppedClock } from "../../test/runtime/recovery.ts";
import type { ProcessIdentity, RunEvent } from "../core/event.ts";
import type { Store } from "../core/store.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { leaseMs, workSnapshot } from "../testing/store-suite/work-samples.ts";
import type { LeftoversOf } from "./leftovers.ts";
import { reconcile } from "./reconcile.ts";

const process: ProcessIdentity = { pid: 4711, started: "then", host: "here" };
const started: RunEvent = { type: "status", status: "process_started", process };

describe("a reconcile", () => {
  test("names what a lapsed run has left at work, in a dry run and when it ends the run", async () => {
    const store = await leftBy([started, { type: "assistant", text: "Begun." }]);
    const asked: Parameters<LeftoversOf>[0][] = [];
    const leftoversOf: LeftoversOf = async (of) => {
      asked.push(of);
      return [{ pid: 4711, about: "a build" }];
    };
    const before = await workSnapshot(store);
    const leftovers = [{ pid: 4711, about: "a build" }];
    const dry = await reconcile({ store, owner: "w", dryRun: true, leftoversOf });
    expect(dry.runs).toMatchObject([{ result: "interrupted", leftovers }]);
    expect(await workSnapshot(store)).toEqual(before);
    const done = await reconcile({ store, owner: "w", leftoversOf });
    expect(done.runs).toMatchObject([{ result: "interrupted", leftovers }]);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toMatchObject({ provider: "scripted", events: [started, { text: "Begun." }] });
  });

  test("asks no agent about a run that started no process, nor one that only shows it again", async () => {
    const store = await leftBy([
      { type: "assistant", text: "Begun." },
      { ...started, replayed: true },
    ]);
    const leftoversOf: LeftoversOf = () => Promise.reject(new Error("was asked"));
    const { runs } = await reconcile({ store, owner: "w", leftoversOf });
    expect(runs).toMatchObject([{ result: "interrupted" }]);
    expect(runs[0]).not.toHaveProperty("leftoversUnknown");
  });

  test("says where it is not known, and ends the run all the same", async () => {
    const store = await leftBy([started]);
    const leftoversOf: LeftoversOf = () => Promise.reject(new Error("no process table"));
    const { runs } = await reconcile({ store, owner: "w", leftoversOf });
    expect(runs).toMatchObject([{ result: "interrupted", leftoversUnknown: "no process table" }]);
  });

  test("reads the events of a long run to their end", async () => {
    const many = Array.from({ length: 1000 }, (_, n): RunEvent => ({ type: "assistant", text: `${n}` }));
    const store = await leftBy([...many, started]);
    const leftoversOf: LeftoversOf = async ({ events }) => [{ pid: events.length, about: "events" }];
    const { runs } = await reconcile({ store, owner: "w", dryRun: true, leftoversOf });
    expect(runs).toMatchObject([{ leftovers: [{ pid: 1001 }] }]);
  });
});

/** A store with a run that told these events, whose worker died. */
async function leftBy(events: readonly RunEvent[]): Promise<Store> {
  const clock = stoppedClock();
  const store = openMemoryStore({ clock });
  await stageEvents(store, await beginRun(store, "s-1"), events);
  clock.advance(leaseMs);
  return store;
}
