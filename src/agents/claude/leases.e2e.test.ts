import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Store } from "../../core/store.ts";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { type ClaudeSessionStore, claudeSessionStore } from "./adapter.ts";
import type { ClaudeEntry } from "./contract.ts";

const main = { projectKey: "-home-dev", sessionId: "5a4f2a52-62f0-4f0b-9a50-6a7c1c7f2d11" };

let folder: string;
let path: string;
let children: Mirror[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-leases-"));
  path = join(folder, "holdfast.db");
  children = [];
});
afterEach(async () => {
  for (const { child } of children) await end(child);
  rmSync(folder, { recursive: true, force: true });
});

describe("two processes that mirror one session", () => {
  test("take turns, and whoever comes too early is told which process has it", async () => {
    const [a, b] = [await startMirror(), await startMirror()];
    expect(await a.does("append", "a1", null)).toEqual({ ok: true });
    const busy = { code: "session_busy", owner: expect.stringContaining(`process ${a.child.pid} `) };
    expect(await b.does("load")).toMatchObject(busy);
    expect(await b.does("append", "b1", null)).toMatchObject(busy);
    expect(await a.does("release")).toEqual({ ok: true });
    expect(await b.does("load")).toEqual({ ok: true });
    expect(await b.does("append", "b1", "a1")).toEqual({ ok: true });
    expect(await a.does("append", "a2", "a1")).toMatchObject({
      code: "lease_lost",
      owner: expect.stringContaining(`process ${b.child.pid} `),
    });
    expect(await b.does("release")).toEqual({ ok: true });
    expect(await a.does("append", "a2", "a1")).toMatchObject({ code: "lease_lost" });
    expect(await a.does("load")).toEqual({ ok: true });
    expect(await a.does("append", "a3", "b1")).toEqual({ ok: true });
    expect(await uuids()).toEqual(["a1", "b1", "a3"]);
  });

  test("start at the same moment, and one of them has the session", async () => {
    const mirrors = await Promise.all([startMirror(), startMirror(), startMirror()]);
    const answers = await Promise.all(mirrors.map((mirror, at) => mirror.does("append", `m${at}`, null)));
    expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
    expect(answers.filter(({ code }) => code === "session_busy")).toHaveLength(2);
    expect(await uuids()).toHaveLength(1);
  });

  test("leave the session to the other one when one is killed, as soon as its lease is over", async () => {
    const a = await startMirror();
    await a.does("append", "a1", null);
    await end(a.child);
    await withHeir(0, async (heir) => {
      await expect(heir.load(main)).rejects.toMatchObject({ code: "session_busy" });
    });
    await withHeir(leaseMs, async (heir) => {
      await heir.load(main);
      await heir.append(main, [said("b1", "a1")]);
    });
    expect(await uuids()).toEqual(["a1", "b1"]);
  });

  test("store nothing of a process that was stopped meanwhile and believes that it has the session", async () => {
    const a = await startMirror();
    await a.does("append", "a1", null);
    a.child.kill("SIGSTOP");
    await withHeir(leaseMs, async (heir) => {
      await heir.load(main);
      await heir.append(main, [said("b1", "a1")]);
      a.child.kill("SIGCONT");
      expect(await a.does("append", "a2", "a1")).toMatchObject({ code: "lease_lost" });
    });
    expect(await a.does("append", "a2", "a1")).toMatchObject({ code: "lease_lost" });
    expect(await uuids()).toEqual(["a1", "b1"]);
  });

  test("renew by the machine's own time, and end when there is nothing else to do", async () => {
    const a = await startMirror(300);
    await a.does("append", "a1", null);
    const store = openSqliteStore({ path });
    const key = { project: main.projectKey, session: main.sessionId };
    const { sinceMs } = (await store.lease(key))!;
    await expect
      .poll(() => store.lease(key), { timeout: 10_000 })
      .toSatisfy((lease) => lease !== null && lease.sinceMs === sinceMs && lease.untilMs > sinceMs + 600);
    await store.close();
    const ended = once(a.child, "exit");
    a.child.stdin!.end();
    expect(await ended).toEqual([0, null]);
  });
});

const leaseMs = 60_000;

interface Answer {
  readonly ok?: boolean;
  readonly code?: string;
  readonly owner?: string;
}

interface Mirror {
  readonly child: ChildProcess;
  does(verb: "append" | "load" | "release", uuid?: string, parentUuid?: string | null): Promise<Answer>;
}

// Answers each line of its input with one line.
const program = `
  import { createInterface } from "node:readline";
  import { openSqliteStore } from "${new URL("../../stores/sqlite/index.ts", import.meta.url).href}";
  import { claudeSessionStore } from "${new URL("adapter.ts", import.meta.url).href}";
  const [path, key, leaseMs] = process.argv.slice(1);
  const store = openSqliteStore({ path });
  const sessions = claudeSessionStore(store, { lease: "auto", leaseMs: Number(leaseMs) });
  console.log(JSON.stringify({ ok: true }));
  for await (const line of createInterface(process.stdin)) {
    const { verb, entry } = JSON.parse(line);
    try {
      await sessions[verb](JSON.parse(key), ...(entry ? [[entry]] : []));
      console.log(JSON.stringify({ ok: true }));
    } catch (error) {
      console.log(JSON.stringify({ code: error.code, owner: error.data?.owner }));
    }
  }`;

async function startMirror(leaseOfMs = leaseMs): Promise<Mirror> {
  const args = [
    "--no-warnings",
    "--input-type=module",
    "-e",
    program,
    path,
    JSON.stringify(main),
    String(leaseOfMs),
  ];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const answer = async (): Promise<Answer> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("The process ended without an answer.");
    return JSON.parse(value) as Answer;
  };
  const mirror: Mirror = {
    child,
    does: (verb, uuid, parentUuid = null) => {
      const entry = uuid === undefined ? undefined : said(uuid, parentUuid);
      child.stdin.write(`${JSON.stringify({ verb, entry })}\n`);
      return answer();
    },
  };
  children.push(mirror);
  await answer();
  return mirror;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}

/** Another mirror, by whose clock it is that much later. */
async function withHeir(laterMs: number, use: (heir: ClaudeSessionStore) => Promise<void>): Promise<void> {
  const store = openSqliteStore({ path, clock: { now: () => Date.now() + laterMs } });
  const heir = claudeSessionStore(store, { lease: "auto", leaseMs });
  try {
    await use(heir);
    await heir.close();
  } finally {
    await store.close();
  }
}

async function uuids(): Promise<unknown[]> {
  const store: Store = openSqliteStore({ path });
  const entries = await claudeSessionStore(store).load(main);
  await store.close();
  return (entries ?? []).map(({ uuid }) => uuid);
}

function said(uuid: string, parentUuid: string | null): ClaudeEntry {
  return { type: "user", uuid, parentUuid, message: { role: "user", content: uuid } };
}
