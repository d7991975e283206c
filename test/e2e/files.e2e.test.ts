import { spawn } from "node:child_process";
import { existsSync, globSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { rescueLines } from "../../src/agents/claude/backend/leftover-lines.ts";
import { SideFiles } from "../../src/agents/claude/backend/side-files.ts";
import { verifySession } from "../../src/claude.ts";
import { closersFor } from "../../src/core/closers.ts";
import { fileEntry, fileLog, filesOf, type SideFile } from "../../src/core/side-files.ts";
import { BackendBench } from "./backend-bench.ts";
import { Bench, logOf, type SayParams, sessionOf } from "./bench.ts";
import type { Conversation } from "./conversation.ts";
import { ended, killProcess, startHost } from "./processes.ts";
import { versions } from "./sdk.ts";

const large = "BASH for i in $(seq 1 40000); do echo line $i of the whole output; done";
const lastLines = "REOPEN 39998 3";
const bypassing = { permissionMode: "bypassPermissions", allowDangerouslySkipPermissions: true };

describe.each(versions)("the files that a transcript names on SDK %s", (version) => {
  test("are read whole on another machine, and on a third, without asking for leave", async () => {
    await using bench = await Bench.open({ version });
    const first = await bench.say(large);
    const { sessionId, configDir } = first;
    const [file] = await keepAll(bench, { sessionId, folder: configDir, run: "1" });
    expect(file).toMatchObject({ bytes: 1_228_894 });
    rmSync(configDir, { recursive: true });
    for (const run of ["2", "3"]) {
      const machine = new Machine(bench, { sessionId, run });
      const { shown } = await machine.say(lastLines);
      expect(shown[0]!.findLast((line) => line.includes("[result"))).toContain(
        "line 40000 of the whole output",
      );
      expect(machine.asked).toEqual([]);
      expect(machine.kept).toMatchObject([
        { path: file!.path, was: expect.stringContaining(machine.folder!) },
      ]);
    }
    // What the store holds is what the agent wrote, and no byte is kept twice.
    const stored = JSON.stringify(await bench.entries(sessionId));
    expect(stored).toContain(configDir);
    expect((await bench.store.health()).blobs).toBe(1);
  });

  test("are the plan too, which the agent goes on with where it finds it", async () => {
    await using bench = await Bench.open({ version });
    const { sessionId } = await bench.say("SAY one", { permissionMode: "plan" } as SayParams);
    const slug = String((await bench.entries(sessionId)).find((entry) => "slug" in entry)!["slug"]);
    const planning = new Machine(bench, { sessionId, run: "1" });
    const plans = "$CLAUDE_CONFIG_DIR/plans";
    await planning.say(`BASH mkdir -p ${plans} && printf 'The plan.' > ${plans}/${slug}.md`, bypassing);
    expect(planning.kept).toMatchObject([{ path: `plans/${slug}.md`, bytes: "The plan.".length }]);

    const machine = new Machine(bench, { sessionId, run: "2" });
    await machine.say("SAY two", { permissionMode: "plan" });
    const asked = JSON.stringify(bench.model.requests.at(-1)!.body);
    expect(asked).toContain(`plan file already exists at ${join(machine.folder!, "plans", `${slug}.md`)}`);
  });
});

describe.each(versions)("a session that the backend runs on SDK %s", (version) => {
  test("has its files on each machine that goes on with it, and says nothing of them", async () => {
    await using bench = await BackendBench.open({ version });
    const first = await bench.backend();
    expect(await bench.say(first, large)).toMatchObject({ state: "committed", faults: [] });
    await first.close?.();
    for (const config of globSync("config-*", { cwd: bench.folder }))
      rmSync(join(bench.folder, config), { recursive: true });
    for (const name of ["second", "third"]) {
      const machine = await bench.backend({ cwd: bench.newFolder(name) });
      const { state, events } = await bench.say(machine, { prompt: lastLines, cwd: bench.newFolder(name) });
      expect(state).toBe("committed");
      expect(bench.model.shown().at(-1)).toContain("line 40000 of the whole output");
      expect(events.filter(({ type }) => type === "notice")).toEqual([]);
      await machine.close?.();
    }
    const files = await bench.store.read({ log: { project: "e2e", session: "s", log: fileLog } });
    expect(filesOf(files.entries.map(({ body }) => body))).toMatchObject([{ bytes: 1_228_894 }]);
    expect((await bench.store.health()).blobs).toBe(1);
  });
});

describe.each(versions)("a turn that was stopped on SDK %s", (version) => {
  test("leaves its files to the next machine, though its process has ended and taken its folder with it", async () => {
    await using bench = await BackendBench.open({ version });
    const first = await bench.backend();
    await bench.say(first, "SAY one");
    await first.close?.();
    const resumed = await bench.backend();
    const stopped = await bench.say(resumed, large, { cancelAt: "tool_summary" });
    expect(stopped).toMatchObject({ state: "interrupted", faults: [] });
    await resumed.close?.();
    const [folder] = stopped.events.flatMap((event) =>
      event.type === "status" ? (event.process?.folder ?? []) : [],
    );
    // The SDK does it a moment later.
    await vi.waitFor(() => expect(existsSync(folder!)).toBe(false), { timeout: 10_000 });
    expect(await bench.say(await bench.backend(), lastLines)).toMatchObject({ state: "committed" });
    expect(bench.model.shown().at(-1)).toContain("line 40000 of the whole output");
  });
});

describe.each(versions)("a leftover's transcript on SDK %s", (version) => {
  const [before, loop, after] = ["SAY one", "LOOP 6", "SAY after"] as const;

  test("goes before what recovery closed the turn with: the model is shown each real result, once", async () => {
    await using bench = await Bench.open({ version, model: { delayMs: 300 } });
    const { sessionId } = await bench.say(before);
    const agent = await killHost(bench, sessionId);
    await ended(agent);
    await closeTurn(bench, sessionId);
    expect(await rescue(bench, sessionId)).toBeGreaterThan(0);
    expect(await rescue(bench, sessionId)).toBe(0);

    const resumed = await bench.say(after, { resume: sessionId });
    expect(resumed.shown).toEqual((await bench.control([before, loop, after])).slice(2));
    expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
  });

  test("that is found when the conversation went on takes nothing of that away, and doubles no result", async () => {
    await using bench = await Bench.open({ version, model: { delayMs: 300 } });
    const { sessionId } = await bench.say(before);
    const agent = await killHost(bench, sessionId);
    killProcess(agent);
    await ended(agent);
    await closeTurn(bench, sessionId);
    const [unaware] = (await bench.say(after, { resume: sessionId })).shown;
    await rescue(bench, sessionId);
    const [last] = (await bench.say("SAY last", { resume: sessionId })).shown;
    expect(last).toEqual([...unaware!, "assistant: after", "user: SAY last"]);
  });
});

interface KeepAllParams {
  readonly sessionId: string;
  readonly folder: string;
  readonly run: string;
  readonly files?: SideFiles;
}

/** Keeps what lies beside the session now, as a turn and its boundary do. */
async function keepAll(bench: Bench, { sessionId, folder, run, files }: KeepAllParams): Promise<SideFile[]> {
  const session = sessionOf(sessionId);
  const kept: SideFile[] = [];
  const steps = (files ?? new SideFiles(session)).keep({
    turn: { session, run, store: bench.store },
    folder,
    sessionId,
  });
  for await (const step of steps) {
    if (step.kind !== "file") throw new Error(`More than files came: ${JSON.stringify(step)}.`);
    kept.push(step.file);
    const log = { ...session, log: fileLog };
    await bench.store.append({ log, entries: [fileEntry({ run, file: step.file })] });
  }
  return kept;
}

/** A machine that has nothing of the session but the store, and lets the agent do what needs no leave alone. */
class Machine {
  readonly asked: string[] = [];
  kept: readonly SideFile[] = [];
  folder: string | undefined;
  readonly #bench: Bench;
  readonly #params: Omit<KeepAllParams, "folder" | "files">;

  constructor(bench: Bench, params: Omit<KeepAllParams, "folder" | "files">) {
    this.#bench = bench;
    this.#params = params;
  }

  /** One turn, in a folder of its own, after which its files are kept while its process still lives. */
  async say(prompt: string, options: Readonly<Record<string, unknown>> = {}): Promise<Conversation> {
    const { sessionId } = this.#params;
    const files = new SideFiles(sessionOf(sessionId));
    await files.fetch(this.#bench.store);
    const keep = async (): Promise<object> => {
      this.kept = await keepAll(this.#bench, { ...this.#params, folder: this.folder!, files });
      return {};
    };
    const mayUse = async (tool: string) => {
      this.asked.push(tool);
      return { behavior: "deny", message: "Nobody is there to ask." };
    };
    return await this.#bench.say(prompt, {
      resume: sessionId,
      cwd: this.#bench.newFolder("elsewhere"),
      permissionMode: "default",
      allowDangerouslySkipPermissions: false,
      canUseTool: mayUse,
      hooks: { Stop: [{ hooks: [keep] }] },
      spawnClaudeCodeProcess: ({ command, args, cwd, env }: Spawning) => {
        this.folder = env["CLAUDE_CONFIG_DIR"]!;
        files.materialise({ folder: this.folder, sessionId });
        return spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "ignore"] });
      },
      ...options,
    } as SayParams);
  }
}

interface Spawning {
  readonly command: string;
  readonly args: string[];
  readonly cwd: string;
  readonly env: Record<string, string>;
}

/** Kills the host when the model was asked for the third time in its turn; gives its agent, which lives. */
async function killHost(bench: Bench, sessionId: string): Promise<number> {
  const asked = bench.model.requests.filter(({ method }) => method === "POST").length;
  const options = { resume: sessionId, sessionStoreFlush: "eager" };
  const host = startHost(bench, { prompt: "LOOP 6", options });
  await bench.model.waitFor(asked + 3);
  const [agent] = host.agents();
  await host.kill();
  return agent!;
}

/** Closes the turn as recovery does: by what is stored of it, and with nothing known of its tools. */
async function closeTurn(bench: Bench, sessionId: string): Promise<void> {
  const { entries } = await bench.store.read({ log: logOf(sessionId) });
  const start = entries.findIndex(({ body }) => body.includes("LOOP 6"));
  const closers = closersFor("claude-code", entries.slice(start), { run: "1", tools: new Map() });
  expect(closers.length).toBeGreaterThan(0);
  await bench.store.append({ log: logOf(sessionId), entries: closers });
}

/** Rescues from the folder that the host's agent wrote in; gives how many lines came. */
async function rescue(bench: Bench, sessionId: string): Promise<number> {
  const folders = globSync("claude-resume-*", { cwd: bench.folder });
  let lines = 0;
  for (const folder of folders) {
    const from = { folder: join(bench.folder, folder), sessionId };
    const { entries, problems } = await rescueLines({
      store: bench.store,
      session: sessionOf(sessionId),
      ...from,
    });
    expect(problems).toEqual([]);
    lines += entries;
  }
  return lines;
}
