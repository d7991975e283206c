import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { permissionDesk, type PermissionQuestion, verifySession } from "../../src/claude.ts";
import { isLive, type RunEvent } from "../../src/core/event.ts";
import { readJournalOf } from "./journal.ts";
import { BackendBench, type Told } from "./backend-bench.ts";
import { ended, killProcess } from "./processes.ts";
import { loadSdk, versions } from "./sdk.ts";

const session = { project: "e2e", session: "s" };

describe.each(versions)("the Claude backend on SDK %s", (version) => {
  test("answers two turns in one process, and goes on in another after it has closed", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    const first = await bench.say(agent, "WRITE <cwd>/note.txt hello");
    expect(first).toMatchObject({ state: "committed", faults: [] });
    expect(readFileSync(join(bench.cwd, "note.txt"), "utf8")).toBe("hello");
    const second = await bench.say(agent, "SAY two");
    expect(textOf(second)).toBe("two");
    expect(pidOf(second)).toBe(pidOf(first));
    await agent.close!();
    await ended(pidOf(first));
    const third = await bench.say(agent, "SAY three");
    expect(pidOf(third)).not.toBe(pidOf(first));
    expect(bench.shown()).toEqual([
      "user: WRITE <cwd>/note.txt hello",
      "assistant: [use Write]",
      expect.stringContaining("File created"),
      "assistant: done",
      "user: SAY two",
      "assistant: two",
      "user: SAY three",
    ]);
    expect((await verifySession(bench.store, session)).findings).toEqual([]);
  });

  test("says before a prompt is fed which process it is, and what it runs with", async () => {
    await using bench = await BackendBench.open({ version });
    const { events } = await bench.say(await bench.backend(), "SAY one");
    expect(events[0]).toMatchObject({
      status: "process_started",
      process: { pid: expect.any(Number), started: expect.any(String), folder: expect.any(String) },
      settings: { cwd: bench.cwd, permissionMode: "bypassPermissions", sdkVersion: version },
    });
    expect(events.find((event) => event.type === "status" && event.resume !== undefined)).toMatchObject({
      settings: { model: expect.stringContaining("claude") },
    });
  });

  test("journals a tool before it starts, and the call names its step", async () => {
    await using bench = await BackendBench.open({ version });
    const told = await bench.say(await bench.backend(), "BASH echo one");
    const call = told.events.find((event) => event.type === "tool_call")!;
    expect(call).toMatchObject({ name: "Bash", step: expect.stringContaining("toolu_") });
    expect(await readJournalOf(bench.store, told.run)).toEqual([
      { type: "started", name: "Bash", key: call.step },
      { type: "result", name: "Bash", key: call.step },
    ]);
  });

  test("resumes on another machine: another config folder, another working folder", async () => {
    await using bench = await BackendBench.open({ version });
    const one = await bench.backend();
    await bench.say(one, "BASH echo one");
    await one.close!();
    const other = bench.newFolder("elsewhere");
    const told = await bench.say(await bench.backend(), { prompt: "SAY two", cwd: other });
    expect(told).toMatchObject({ state: "committed" });
    expect(settingsOf(told)).toMatchObject({ cwd: other });
    expect(bench.shown()).toContain("assistant: [use Bash]");
    expect((await verifySession(bench.store, session)).findings).toEqual([]);
  });

  test("changes the model in the running process, and keeps it in the next one", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    const first = await bench.say(agent, "SAY one");
    const second = await bench.say(agent, { prompt: "SAY two", model: "claude-haiku-4-5" });
    expect(pidOf(second)).toBe(pidOf(first));
    expect(bench.models().at(-1)).toBe("claude-haiku-4-5");
    await agent.close!();
    await bench.say(await bench.backend(), "SAY three");
    expect(bench.models().at(-1)).toBe("claude-haiku-4-5");
  });

  test("stops an answer that is cancelled, and the process that answered goes on", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    const first = await bench.say(agent, "SAY one");
    const stopped = await bench.say(agent, "BASH sleep 30", { cancelAt: "tool_call" });
    expect(stopped).toMatchObject({ state: "interrupted" });
    const next = await bench.say(agent, "SAY three");
    expect(next).toMatchObject({ state: "committed" });
    expect(pidOf(next)).toBe(pidOf(first));
    expect(bench.shown().at(-1)).toBe("user: SAY three");
    expect((await verifySession(bench.store, session)).findings).toEqual([]);
    await agent.close!();
    await bench.say(await bench.backend(), "SAY four");
    expect(bench.shown()).toContain("user: SAY three");
    expect((await verifySession(bench.store, session)).findings).toEqual([]);
  });

  test("notices at once that its process was killed in the middle of a turn, and goes on in a new one", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    const pids: number[] = [];
    const told = await bench.say(agent, "BASH echo one; sleep 1", {
      on: (event) => {
        if (event.type !== "tool_call" || pids.includes(bench.pid(agent))) return;
        pids.push(bench.pid(agent));
        if (pids.length === 1) killProcess(pids[0]!);
      },
    });
    const [run] = await bench.interrupted();
    expect(run).toMatchObject({ reason: expect.stringContaining("SIGKILL") });
    expect(run!.endedAtMs! - run!.startedAtMs).toBeLessThan(20_000);
    expect(told).toMatchObject({ state: "committed" });
    expect(pidOf(told)).not.toBe(pids[0]);
    expect((await verifySession(bench.store, session)).findings).toEqual([]);
  });

  test("asks whoever is attached whether a tool may be used, and else takes its fallback", async () => {
    await using bench = await BackendBench.open({ version });
    const desk = permissionDesk({ timeoutMs: 300 });
    const agent = await bench.backend({ permissions: desk, permissionMode: "default" });
    const asked: PermissionQuestion[] = [];
    const detach = desk.attach(session, (question) => {
      asked.push(question);
      return { behavior: "allow" };
    });
    const path = join(bench.cwd, "a.txt");
    const allowed = await bench.say(agent, `WRITE ${path} hello`);
    expect(asked).toMatchObject([{ tool: "Write", input: { file_path: path }, call: expect.any(String) }]);
    expect(existsSync(path)).toBe(true);
    expect(rawsOf(allowed)).toMatchObject([
      { permission: "asked", tool: "Write" },
      { permission: "allow", by: "handler" },
    ]);
    detach();
    const denied = await bench.say(agent, `WRITE ${join(bench.cwd, "b.txt")} hello`);
    expect(rawsOf(denied)).toMatchObject([
      { permission: "asked" },
      { permission: "deny", by: "nobody_attached" },
    ]);
    desk.attach(session, () => new Promise(() => undefined));
    const late = await bench.say(agent, `WRITE ${join(bench.cwd, "b.txt")} hello`);
    expect(rawsOf(late)).toMatchObject([{ permission: "asked" }, { permission: "deny", by: "timeout" }]);
    expect(existsSync(join(bench.cwd, "b.txt"))).toBe(false);
  });

  test("gives the model images, texts and bytes that come with the prompt", async () => {
    await using bench = await BackendBench.open({ version });
    writeFileSync(join(bench.cwd, "notes.md"), "# Notes\n");
    writeFileSync(join(bench.cwd, "dot.png"), Buffer.from(dot, "base64"));
    const told = await bench.say(await bench.backend(), {
      prompt: "SAY seen",
      attachments: [{ path: "notes.md" }, { path: "dot.png" }, { data: dot, mediaType: "image/png" }],
    });
    expect(textOf(told)).toBe("seen");
    expect(bench.blocks()).toEqual(["document", "image", "image"]);
  });

  test("answers with its error where an attachment cannot be read, and the process is not harmed", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    const told = await bench.say(agent, { prompt: "SAY one", attachments: [{ path: "missing.png" }] });
    expect(told.events.at(-1)).toMatchObject({ type: "result", ok: false, stop: "invalid_input" });
    expect(told.events.at(-1)).toMatchObject({ text: expect.stringContaining("missing.png") });
    expect(textOf(await bench.say(agent, "SAY two"))).toBe("two");
  });

  test("passes hooks, servers and output of the caller's through", async () => {
    await using bench = await BackendBench.open({ version });
    const tools: unknown[] = [];
    const hook = async (input: unknown): Promise<object> => {
      tools.push((input as { tool_name: string }).tool_name);
      return {};
    };
    const server = join(bench.folder, "server.mjs");
    writeFileSync(server, mcpServer);
    const agent = await bench.backend({
      options: {
        hooks: { PreToolUse: [{ hooks: [hook] }] },
        mcpServers: {
          greeter: { type: "stdio", command: process.execPath, args: [server], alwaysLoad: true },
        },
      },
    });
    const told = await bench.say(agent, 'CALL mcp__greeter__greet {"name":"you"}');
    expect(tools).toEqual(["mcp__greeter__greet"]);
    expect(told.events.find((event) => event.type === "tool_summary")).toMatchObject({
      ok: true,
      text: "Hello you",
    });
  });

  test("gives each process the tools of a server that lives in this one", async () => {
    await using bench = await BackendBench.open({ version });
    const { createSdkMcpServer, tool } = (await loadSdk(version)) as unknown as SdkTools;
    const ping = tool("ping", "Pings", {}, async () => ({ content: [{ type: "text", text: "pong" }] }));
    const mcpServers = () => ({ own: createSdkMcpServer({ name: "own", tools: [ping], alwaysLoad: true }) });
    const agent = await bench.backend({ options: { mcpServers } });
    for (const name of ["s", "t"]) {
      const told = await bench.say(agent, "CALL mcp__own__ping {}", { session: name });
      const answer = told.events.find((event) => event.type === "tool_summary");
      expect(answer, name).toMatchObject({ ok: true, text: "pong" });
    }
  });

  test("goes on after /clear without what was said before it, also in another process", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    await bench.say(agent, "SAY one");
    await bench.say(agent, "/clear");
    const after = await bench.say(agent, "SAY two");
    await agent.close!();
    const resumed = await bench.say(await bench.backend(), "SAY three");
    expect(pidOf(resumed)).not.toBe(pidOf(after));
    expect(bench.shown()).toContain("user: SAY two");
    expect(bench.shown()).not.toContain("user: SAY one");
  });

  test("does not use its warm process where another one has gone on with the session", async () => {
    await using bench = await BackendBench.open({ version });
    const [one, other] = [await bench.backend(), await bench.backend()];
    const first = await bench.say(one, "SAY one");
    await bench.say(other, "SAY two");
    await bench.say(one, "SAY three");
    expect(bench.shown()).toContain("user: SAY two");
    await ended(pidOf(first));
    expect((await verifySession(bench.store, session)).findings).toEqual([]);
  });

  test("does not use its warm process where something was brought into the session from elsewhere", async () => {
    await using bench = await BackendBench.open({ version });
    const agent = await bench.backend();
    const first = await bench.say(agent, "SAY one");
    expect(pidOf(await bench.say(agent, "SAY two"))).toBe(pidOf(first));
    const title = { body: JSON.stringify({ type: "custom-title", customTitle: "Mine" }) };
    await bench.store.append({ log: { ...session, log: "" }, entries: [title] });
    expect(pidOf(await bench.say(agent, "SAY three"))).not.toBe(pidOf(first));
    expect(bench.shown()).toContain("user: SAY two");
  });

  test("records repository, branch and commit of the folder that it works in", async () => {
    await using bench = await BackendBench.open({ version });
    const folder = join(bench.folder, "repository");
    mkdirSync(folder);
    const commit = bench.gitRepository(folder);
    const told = await bench.say(await bench.backend({ cwd: folder }), "SAY one");
    expect(settingsOf(told)).toMatchObject({
      repository: "https://example.test/a/b.git",
      branch: "topic",
      commit,
    });
  });
});

interface SdkTools {
  readonly createSdkMcpServer: (options: object) => unknown;
  readonly tool: (name: string, description: string, input: object, answer: () => Promise<object>) => unknown;
}

function pidOf({ events }: Told): number {
  return processOf(events)!.pid;
}

function processOf(events: readonly RunEvent[]) {
  return events.filter(isLive).flatMap((event) => (event.type === "status" ? (event.process ?? []) : []))[0];
}

function settingsOf({ events }: Told) {
  return events.flatMap((event) => (event.type === "status" ? (event.settings ?? []) : []))[0];
}

function textOf({ events }: Told): string | undefined {
  const last = events.at(-1);
  return last?.type === "result" ? last.text : undefined;
}

function rawsOf({ events }: Told): unknown[] {
  return events.flatMap((event) =>
    event.type === "notice" && (event.raw as { permission?: string })?.permission !== undefined
      ? [event.raw]
      : [],
  );
}

const dot =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const mcpServer = `
import { createInterface } from "node:readline";
const tool = { name: "greet", description: "Greets", inputSchema: { type: "object", properties: { name: { type: "string" } } } };
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  const answer = (result) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", id, result }) + "\\n");
  if (method === "initialize")
    answer({ protocolVersion: params.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "greeter", version: "1" } });
  else if (method === "tools/list") answer({ tools: [tool] });
  else if (method === "tools/call") answer({ content: [{ type: "text", text: "Hello " + params.arguments.name }] });
  else if (id !== undefined) answer({});
});
`;
