import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type PastRun, play } from "../../../../test/agents/past-run.ts";
import { answerOf, sdkThat, turnOf } from "../../../../test/agents/stand-in-sdk.ts";
import type { Agent, AgentStep, Turn } from "../../../core/agent.ts";
import type { ProcessIdentity, RunEvent } from "../../../core/event.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { claudeBackend } from "../backend.ts";
import { identityOf } from "./process-identity.ts";
import { killTrees, markerName, startOf } from "./process-table.ts";

const session = { project: "p", session: "s" };
const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";

let store: ReturnType<typeof openMemoryStore>;
/** As the SDK makes one for a process that resumes a session. */
let folder: string;
let agent: Agent | undefined;

beforeEach(() => {
  store = openMemoryStore();
  folder = mkdtempSync(join(tmpdir(), "claude-resume-"));
});
afterEach(async () => {
  await agent?.close?.();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const gone = (): ProcessIdentity => ({ pid: 2 ** 30, started: "1", host: "here", folder });
const startedBy = (process: ProcessIdentity): RunEvent => {
  return { type: "status", status: "process_started", process };
};

/** An earlier run of the session. */
const past = (events: readonly RunEvent[], as: PastRun["as"], lines: readonly object[] = []) =>
  play({ store, session, events, as, lines });

/** The turn that the session has next, in a process of its own; `prompted` sees what it is asked. */
async function next(prompted: () => void = () => undefined, part: Partial<Turn> = {}): Promise<AgentStep[]> {
  const sdk = sdkThat((prompt) => {
    prompted();
    return answerOf(prompt, sessionId);
  });
  agent = claudeBackend({ sdk, cwd: process.cwd() });
  const turn = { ...turnOf({ store, body: "next", resume: sessionId }), ...part };
  const steps: AgentStep[] = [];
  for await (const step of agent.run(turn)) steps.push(step);
  return steps;
}

const eventsIn = (steps: readonly AgentStep[], type: RunEvent["type"]): readonly object[] =>
  steps.flatMap((step) => (step.kind === "event" && step.event.type === type ? [step.event] : []));

const line = (uuid: string, parentUuid: string | null = null): object => {
  const usage = { input_tokens: 3, output_tokens: 5 };
  const message = {
    id: `msg_${uuid}`,
    role: "assistant",
    model: "claude-opus-4-1",
    content: [{ type: "text", text: uuid }],
    usage,
  };
  return { type: "assistant", uuid, parentUuid, sessionId, message };
};

function leave(lines: readonly object[], name = sessionId): void {
  const path = join(folder, "projects/-work", `${name}.jsonl`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, lines.map((one) => `${JSON.stringify(one)}\n`).join(""));
}

async function uuids(): Promise<unknown[]> {
  const { entries } = await store.read({ log: { ...session, log: "" } });
  return entries.map(({ uuid }) => uuid);
}

describe("the folder of a process whose host has died", () => {
  test.each(["committed", "interrupted"] as const)(
    "gives what its agent wrote last behind a run that was %s, with what it used, and goes",
    async (as) => {
      await past([startedBy(gone())], as, [line("u1")]);
      leave([line("u1"), line("u2", "u1")]);
      const steps = await next();
      expect((await uuids()).filter((uuid) => /^u\d$/.test(`${uuid as string}`))).toEqual(["u1", "u2"]);
      expect(eventsIn(steps, "usage")).toMatchObject([{ key: expect.stringContaining("msg_u2") }]);
      expect(existsSync(folder)).toBe(false);
    },
  );

  test("gives nothing of a discarded run, also where the run after that was stopped early, and goes", async () => {
    await past([startedBy(gone())], "committed", [line("u1")]);
    await past([startedBy(gone())], "discarded", [line("u2", "u1")]);
    await past([], "interrupted");
    leave([line("u1"), line("u2", "u1"), line("u3", "u2")]);
    await next();
    expect(await uuids()).toEqual(["u1"]);
    expect(existsSync(folder)).toBe(false);
  });

  test("stays while it has lines that the store lacks", async () => {
    await past([startedBy(gone())], "committed", [line("u1")]);
    leave([line("u1")]);
    leave([line("u9")], randomUUID());
    await next();
    expect(await uuids()).toEqual(["u1"]);
    expect(existsSync(folder)).toBe(true);
  });
});

describe("what an earlier host has left at work", () => {
  const marker = randomUUID();
  afterEach(() => killTrees([{ pid: 2 ** 30, marker }]));

  /** A process that has started another one, which outlives it. */
  async function family(): Promise<{ root: ProcessIdentity; tool: number; kill: () => Promise<unknown> }> {
    const tool = `spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" })`;
    const script = `const { spawn } = require("node:child_process"); console.log(${tool}.pid); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["-e", script], {
      env: { [markerName]: marker },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [pid] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const kill = async (): Promise<void> => {
      child.kill("SIGKILL");
      await once(child, "exit");
    };
    return { root: { ...identityOf(child.pid!)!, marker }, tool: Number(pid), kill };
  }

  const isThere = (pid: number): boolean => startOf(pid) !== undefined;

  test("is ended, with all that it has started, before the session has another process", async () => {
    const { root, tool } = await family();
    await past([startedBy(root)], "committed");
    const seen: boolean[] = [];
    const steps = await next(() => seen.push(isThere(root.pid), isThere(tool)));
    expect(seen).toEqual([false, process.platform !== "linux" && isThere(tool)]);
    expect(eventsIn(steps, "notice")).toMatchObject([{ text: expect.stringContaining(`pid ${root.pid}`) }]);
  });

  describe.runIf(process.platform === "linux")("and has lost its first process", () => {
    test.each(["interrupted", "discarded"] as const)(
      "is named, and ended where its run was %s",
      async (as) => {
        const { root, tool, kill } = await family();
        await kill();
        await past([startedBy(root)], as);
        agent = claudeBackend();
        expect(await agent.leftovers!([startedBy(root)])).toEqual([
          { pid: tool, about: expect.stringContaining("Started by") },
        ]);
        const seen: boolean[] = [];
        await next(() => seen.push(isThere(tool)));
        expect(seen).toEqual([false]);
      },
    );

    test.each([
      ["is ended behind a run that was committed where the process was cut off", true],
      ["lives on where the process may have ended in order", false],
    ])("%s", async (_, isCutOff) => {
      const { root, tool, kill } = await family();
      await kill();
      await past([startedBy({ ...root, ...(isCutOff && { folder }) })], "committed");
      const seen: boolean[] = [];
      await next(() => seen.push(isThere(tool)));
      expect(seen).toEqual([!isCutOff]);
    });
  });
});

test("a process has no prompt before the store knows of it", async () => {
  const seen: string[] = [];
  const flushing = Promise.withResolvers<void>();
  const stored = Promise.withResolvers<void>();
  const flush = async (): Promise<void> => {
    flushing.resolve();
    await stored.promise;
    seen.push("stored");
  };
  const turn = next(() => seen.push("prompted"), { flush });
  await Promise.race([flushing.promise, turn]);
  stored.resolve();
  await turn;
  expect(seen).toEqual(["stored", "prompted"]);
});
