import { spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openSqliteStore } from "../../stores/sqlite/index.ts";
import { claudeSessionStore } from "./adapter.ts";
import { findLeftovers } from "./find-transcripts.ts";
import { importClaudeTranscripts } from "./import.ts";
import {
  folder,
  key,
  run,
  sessionId,
  store,
  turn,
  useImportBench,
  write,
} from "../../../test/claude/import-bench.ts";

useImportBench();

const mode = { type: "mode", mode: "default", sessionId };

function importInAnotherProcess(): { readonly entries: number; readonly duplicates: number } {
  const script = `
    const { openSqliteStore } = await import(${JSON.stringify(import.meta.resolve("../../stores/sqlite/index.ts"))});
    const { importClaudeTranscripts } = await import(${JSON.stringify(import.meta.resolve("./import.ts"))});
    const store = openSqliteStore({ path: ${JSON.stringify(join(folder, "holdfast.db"))} });
    const params = { store, configDir: ${JSON.stringify(join(folder, "claude"))}, resumeDirs: [] };
    console.log(JSON.stringify(await importClaudeTranscripts(params)));
    await store.close();`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script]);
  expect(stderr.toString()).not.toMatch(/Error/);
  return JSON.parse(stdout.toString()) as { readonly entries: number; readonly duplicates: number };
}

describe("importClaudeTranscripts", () => {
  test("brings in main transcripts and subagents, equal repeated lines included", async () => {
    const lines = [turn("a"), mode, mode, turn("b")];
    write(`${sessionId}.jsonl`, lines);
    write(`${sessionId}/subagents/agent-1.jsonl`, [turn("a")]);
    write("agent-0ld.jsonl", [turn("c")]);
    expect(await run()).toMatchObject({ files: 3, sessions: 1, entries: 6, problems: [] });
    const sessions = claudeSessionStore(store);
    expect(await sessions.load(key)).toEqual(lines);
    expect(await sessions.listSubkeys(key)).toEqual(["subagents/agent-0ld", "subagents/agent-1"]);
  });

  test.for([true, false])("adds nothing when it runs again (recheck %s)", async (recheck) => {
    write(`${sessionId}.jsonl`, [turn("a"), mode, mode]);
    await run();
    expect(await run({ recheck })).toMatchObject({ entries: 0, unchanged: recheck ? 0 : 1 });
  });

  test("adds only what came since, also after a live mirror stored the same lines", async () => {
    await claudeSessionStore(store).append(key, [turn("a"), mode] as never);
    const path = write(`${sessionId}.jsonl`, [turn("a"), mode, turn("b"), mode]);
    expect(await run()).toMatchObject({ entries: 2, duplicates: 2 });
    appendFileSync(path, `${JSON.stringify(turn("c"))}\n`);
    expect(await run()).toMatchObject({ entries: 1 });
    expect(await claudeSessionStore(store).load(key)).toEqual([turn("a"), mode, turn("b"), mode, turn("c")]);
  });

  test("takes a last line without its newline, and reports one that was cut short", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")], "");
    expect(await run()).toMatchObject({ entries: 1, problems: [] });
    appendFileSync(path, '\n{"type":"user","uu');
    const report = await run();
    expect(report.problems).toEqual([`${path}:2: the last line was cut short and left out.`]);
    expect(report.entries).toBe(0);
  });

  test("reports a corrupt line with file and line, and keeps the rest", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    appendFileSync(
      path,
      Buffer.concat([Buffer.from('{"x":"'), Buffer.from([0xff]), Buffer.from('"}\nnonsense\n')]),
    );
    appendFileSync(path, `${JSON.stringify(turn("b"))}\n`);
    const report = await run();
    expect(report.problems).toEqual(
      [2, 3].map((line) => `${path}:${line}: the line is not a JSON object in UTF-8 and was left out.`),
    );
    expect(report.entries).toBe(2);
  });

  test("dates a session by its lines, not by the import", async () => {
    write(`${sessionId}.jsonl`, [mode, turn("a"), turn("b", "2026-03-02T10:00:00.000Z"), mode]);
    await run();
    const row = await store.session({ project: "-home-dev", session: sessionId });
    expect(new Date(row!.updatedAtMs).toISOString()).toBe("2026-03-02T10:00:00.000Z");
    expect(row!.title).toBe("do a");
  });

  test("leaves a dropped session dropped unless told otherwise", async () => {
    write(`${sessionId}.jsonl`, [turn("a")]);
    await run();
    await store.drop({ session: { project: "-home-dev", session: sessionId }, actor: "ann" });
    expect(await run()).toMatchObject({ entries: 0, droppedSessions: [sessionId] });
    expect(await run({ restoreDropped: true })).toMatchObject({ entries: 1, droppedSessions: [] });
  });

  test("finds what a killed host left, and adds it to the session", async () => {
    await claudeSessionStore(store).append(key, [turn("a")] as never);
    write(`${sessionId}.jsonl`, [turn("a"), turn("b")]);
    const report = await importClaudeTranscripts({
      store,
      configDir: join(folder, "nothing"),
      resumeDirs: [join(folder, "claude")],
      session: sessionId,
    });
    expect(report).toMatchObject({ entries: 1, duplicates: 1 });
  });

  test("keeps every line of a file of many pieces", async () => {
    const lines = Array.from({ length: 3000 }, (_, index) => ({
      ...turn(`u${index}`),
      text: "é".repeat(700),
    }));
    write(`${sessionId}.jsonl`, lines);
    expect(await run()).toMatchObject({ entries: 3000 });
    expect(await claudeSessionStore(store).load(key)).toEqual(lines);
  });

  test("reports what is wrong with a file as long as it is, also where nothing changed", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    appendFileSync(path, "nonsense\n");
    const { problems } = await run();
    expect(problems).toHaveLength(1);
    expect(await run()).toMatchObject({ unchanged: 1, problems });
    write(`${sessionId}.jsonl`, [turn("a")]);
    expect(await run()).toMatchObject({ unchanged: 0, problems: [] });
  });

  test("reads the newest of what has no uuid last, as the file has it", async () => {
    const title = (customTitle: string): object => ({ type: "custom-title", customTitle, sessionId });
    const lines = [turn("a"), title("old")];
    const path = write(`${sessionId}.jsonl`, lines);
    await run();
    for (const line of [title("new"), mode, title("newest")]) {
      lines.push(line);
      appendFileSync(path, `${JSON.stringify(line)}\n`);
      expect(await run()).toMatchObject({ entries: 1, moved: 0 });
    }
    expect(await claudeSessionStore(store).load(key)).toEqual(lines);
  });

  test("adds very many short lines to a log, and again lines that are nested very deep", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a"), turn("b", "2026-03-02T10:00:00.000Z")]);
    await run();
    write(`${sessionId}.jsonl`, [turn("a")]);
    appendFileSync(path, "{}\n".repeat(150_000));
    appendFileSync(path, `{"deep":${"[".repeat(50_000)}${"]".repeat(50_000)}}\n`);
    expect(await run()).toMatchObject({ entries: 150_001, problems: [] });
    expect(await run({ recheck: true })).toMatchObject({ entries: 0, duplicates: 150_002, problems: [] });
  });

  test("takes what a file gained while it was read with the next run", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    let grown = false;
    const onProgress = (): void => {
      if (!grown)
        appendFileSync(path, `${JSON.stringify(turn("b"))}\n${JSON.stringify(turn("c")).slice(0, 20)}`);
      grown = true;
    };
    await run({ onProgress });
    appendFileSync(path, `${JSON.stringify(turn("c")).slice(20)}\n`);
    expect(await run()).toMatchObject({ problems: [] });
    expect(await claudeSessionStore(store).load(key)).toEqual([turn("a"), turn("b"), turn("c")]);
  });

  test("stores each line once where two import the same file at the same moment", async () => {
    const lines = Array.from({ length: 400 }, (_, index) => [turn(`u${index}`), mode]).flat();
    write(`${sessionId}.jsonl`, lines);
    const other = openSqliteStore({ path: join(folder, "holdfast.db") });
    const reports = await Promise.all([run(), run({ store: other }), run({ store: other })]);
    await other.close();
    expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await claudeSessionStore(store).load(key)).toEqual(lines);
  });

  test("counts each line once where another process imports the same file in the middle of it", async () => {
    const text = "x".repeat(4000);
    const lines = Array.from({ length: 400 }, (_, index) => [{ ...turn(`u${index}`), text }, mode]).flat();
    write(`${sessionId}.jsonl`, lines);
    const told: number[] = [];
    let other = { entries: 0, duplicates: 0 };
    const onProgress = ({ bytes }: { readonly bytes: number }): void => {
      told.push(bytes);
      if (told.length === 1) other = importInAnotherProcess();
    };
    const { entries, duplicates, bytes } = await run({ onProgress });
    expect([entries > 0, other.entries > 0, entries + other.entries]).toEqual([true, true, lines.length]);
    expect([duplicates, other.duplicates]).toEqual([other.entries, entries]);
    expect(told).toEqual([...new Set(told)]);
    expect(told.at(-1)).toBe(bytes);
    expect(await claudeSessionStore(store).load(key)).toEqual(lines);
  });

  test("reports a uuid that comes again with another content, however long, and keeps the first", async () => {
    const path = write(`${sessionId}.jsonl`, [
      turn("a"),
      turn("b"),
      { ...turn("a"), more: true },
      { ...turn("b"), type: "USER" },
      turn("b"),
    ]);
    appendFileSync(path, `${JSON.stringify(turn("a")).replace("{", "{ ")}\n`);
    const told = ["a", "b"].map(
      (uuid, at) => `${path}:${at + 3}: ${uuid} came before with another content, which is kept.`,
    );
    const conflicts = ["a", "b"].map((uuid, at) => ({ file: path, line: at + 3, uuid }));
    expect(await run()).toMatchObject({ entries: 2, duplicates: 4, problems: told, conflicts });
    expect(await claudeSessionStore(store).load(key)).toEqual([turn("a"), turn("b")]);
  });

  test("tells of a uuid that the store has with another content, and keeps what is there", async () => {
    const mirrored = { ...turn("a"), message: { role: "user", content: "something else" } };
    await claudeSessionStore(store).append(key, [mirrored, turn("b")] as never);
    const path = write(`${sessionId}.jsonl`, [turn("a"), turn("c")]);
    appendFileSync(path, `${JSON.stringify(turn("b")).replace('"type"', ' "type"')}\n`);
    const told = {
      conflicts: [{ file: path, line: 1, uuid: "a" }],
      problems: [`${path}:1: a is in the store with another content, which is kept.`],
    };
    expect(await run()).toMatchObject({ entries: 1, duplicates: 2, unchanged: 0, ...told });
    expect(await run()).toMatchObject({ entries: 0, unchanged: 1, ...told });
    expect(await run({ recheck: true })).toMatchObject({ entries: 0, unchanged: 0, ...told });
    expect(await claudeSessionStore(store).load(key)).toContainEqual(mirrored);
  });

  test("tells of all conflicts but a few of a file that has very many", async () => {
    const lines = Array.from({ length: 100 }, (_, at) => turn(`u${at}`));
    await claudeSessionStore(store).append(key, lines as never);
    write(
      `${sessionId}.jsonl`,
      lines.map((line) => ({ ...line, version: "2" })),
    );
    const { conflicts, problems } = await run();
    expect([conflicts?.length, problems.length]).toEqual([90, 91]);
    expect(problems.at(-1)).toMatch(/10 more such lines, the last of them line 100\.$/);
  });

  test("puts late lines where they belong though the file repeats one of them", async () => {
    const [first, second, third, last] = [1, 2, 3, 4].map((at) =>
      turn(`u${at}`, `2026-03-01T10:00:0${at}.000Z`),
    ) as [object, object, object, object];
    await claudeSessionStore(store).append(key, [first, last] as never);
    write(`${sessionId}.jsonl`, [first, second, second, third, last]);
    expect(await run()).toMatchObject({ entries: 2, duplicates: 3, moved: 1 });
    expect(await claudeSessionStore(store).load(key)).toEqual([first, second, third, last]);
  });

  test("never alters a line to make it readable: a bare carriage return in a text is reported", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    appendFileSync(path, '{"uuid":"b","text":"one\rtwo"}\n');
    expect(await run()).toMatchObject({
      entries: 1,
      problems: [`${path}:2: the line is not a JSON object in UTF-8 and was left out.`],
    });
  });

  test("calls a last line cut short only where it is: one that is whole and no object is not", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    appendFileSync(path, "[1]");
    expect((await run()).problems).toEqual([
      `${path}:2: the line is not a JSON object in UTF-8 and was left out.`,
    ]);
  });

  test("tells how many lines were left out of a file that is no transcript, without naming all", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    appendFileSync(path, "nonsense\n".repeat(1000));
    for (const unchanged of [0, 1]) {
      const report = await run();
      expect(report.unchanged).toBe(unchanged);
      expect(report.problems).toHaveLength(91);
      expect(report.problems.at(-1)).toBe(`${path}: 910 more such lines, the last of them line 1001.`);
    }
  });

  test("keeps numbers, escapes and key order as the file has them, with white space made harmless", async () => {
    const line = String.raw`{"b":12345678901234567890,"a":"\u0000\ud800","uuid":"u",` + '\r "c":1.0}';
    writeFileSync(write(`${sessionId}.jsonl`, []), `\ufeff${line}\r\n\n[1]\n`);
    const { problems, entries } = await run();
    expect([entries, problems.length]).toEqual([1, 1]);
    const stored = await store.read({ log: { project: "-home-dev", session: sessionId, log: "" } });
    expect(stored.entries[0]!.body).toBe(line.replace("\r", " "));
  });

  test("passes over folders, pipes and links to nothing, and tells of a link to itself", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    const beside = (name: string): string => join(path, "..", name);
    mkdirSync(beside("folder.jsonl"));
    expect(spawnSync("mkfifo", [beside("pipe.jsonl")]).status).toBe(0);
    symlinkSync("nowhere", beside("dangling.jsonl"));
    symlinkSync("circle.jsonl", beside("circle.jsonl"));
    const report = await run();
    expect(report.entries).toBe(1);
    expect(report.problems).toEqual([expect.stringMatching(/circle\.jsonl: ELOOP/)]);
  });

  test("follows a link to a project kept elsewhere, and takes nothing twice that has a name of its own", async () => {
    const path = write(`${sessionId}.jsonl`, [turn("a")]);
    const projects = join(path, "..", "..");
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, "other.jsonl"), `${JSON.stringify(turn("b"))}\n`);
    symlinkSync(elsewhere, join(projects, "-linked"));
    symlinkSync(elsewhere, join(projects, "-linked-again"));
    symlinkSync("-home-dev", join(projects, "-alias"));
    symlinkSync(path, join(projects, "-home-dev", "latest.jsonl"));
    mkdirSync(join(projects, "-home-dev", sessionId, "subagents"), { recursive: true });
    symlinkSync("..", join(projects, "-home-dev", sessionId, "subagents", "loop"));
    expect(await run()).toMatchObject({ files: 2, entries: 2, problems: [] });
    const found = await store.sessions();
    expect(found.sessions.map(({ project, session }) => `${project}/${session}`).toSorted()).toEqual([
      `-home-dev/${sessionId}`,
      "-linked/other",
    ]);
  });

  test("tells of what it cannot take: a name that is not UTF-8, a subagent of no session", async () => {
    const path = write("agent-0ld.jsonl", [{ type: "user" }]);
    write("agent-1.jsonl", [], "");
    const strange = Buffer.concat([Buffer.from(join(path, "..", "caf")), Buffer.from([0xe9])]);
    mkdirSync(strange);
    writeFileSync(Buffer.concat([strange, Buffer.from(".jsonl")]), "{}\n");
    const { entries, problems } = await run();
    expect(entries).toBe(0);
    expect(problems.toSorted()).toEqual([
      expect.stringMatching(/agent-0ld\.jsonl: no line names the session/),
      expect.stringMatching(/caf\ufffd\.jsonl: its name is not UTF-8/),
      expect.stringMatching(/caf\ufffd: its name is not UTF-8/),
    ]);
  });

  test("finds the session of an older subagent in a later line than the first", async () => {
    write("agent-0ld.jsonl", [{ type: "summary" }, { ...turn("a"), sessionId: "named-by-hand" }]);
    await run();
    const agent = { projectKey: "-home-dev", sessionId: "named-by-hand", subpath: "subagents/agent-0ld" };
    expect(await claudeSessionStore(store).load(agent)).toHaveLength(2);
  });

  test("ends with the store's own error, and does not blame each file for it", async () => {
    write(`${sessionId}.jsonl`, [turn("a")]);
    await store.close();
    await expect(run()).rejects.toMatchObject({ code: "store_closed" });
  });

  test("tells its progress up to the end, also past files that have not changed", async () => {
    write(`${sessionId}.jsonl`, [turn("a")]);
    write(`${sessionId}/subagents/agent-1.jsonl`, [turn("b")]);
    for (let round = 0; round < 2; round += 1) {
      const told: { readonly bytes: number; readonly totalBytes: number }[] = [];
      const { bytes } = await run({ onProgress: (progress: (typeof told)[number]) => told.push(progress) });
      expect(told.at(-1)).toEqual({ bytes, totalBytes: bytes });
      expect(told).toHaveLength(2);
    }
  });

  test("leaves alone what another user has put into the temporary folder", () => {
    mkdirSync(join(folder, "claude-resume-1", "projects"), { recursive: true });
    expect(findLeftovers(folder)).toEqual([join(folder, "claude-resume-1")]);
    expect(findLeftovers(folder, process.getuid!() + 1)).toEqual([]);
  });

  test("brings in a subagent's metadata once, as the entry that a mirror stores", async () => {
    const metadata = { agentType: "general-purpose", description: "delegate", toolUseId: "toolu_1" };
    const path = write(`${sessionId}/subagents/workflows/w1/agent-1.jsonl`, [turn("a")]);
    const beside = path.replace(".jsonl", ".meta.json");
    writeFileSync(beside, JSON.stringify(metadata));
    const agent = { ...key, subpath: "subagents/workflows/w1/agent-1" };
    expect(await run()).toMatchObject({ entries: 2 });
    const entry = { type: "agent_metadata", ...metadata };
    expect(await claudeSessionStore(store).load(agent)).toEqual([turn("a"), entry]);
    expect(await run({ recheck: true })).toMatchObject({ entries: 0 });
    writeFileSync(beside, JSON.stringify({ ...metadata, finished: true }));
    expect(await run()).toMatchObject({ entries: 1 });
    writeFileSync(beside, '{\n  "big": 12345678901234567890\n}\n');
    expect(await run()).toMatchObject({ entries: 1, problems: [] });
    const log = { project: "-home-dev", session: sessionId, log: agent.subpath };
    const [last] = (await store.read({ log, order: "desc", limit: 1 })).entries;
    expect(last!.body).toBe('{"type":"agent_metadata",   "big": 12345678901234567890 }');
    writeFileSync(beside, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
    expect((await run()).problems).toEqual([expect.stringContaining("not a JSON object in UTF-8")]);
    writeFileSync(beside, "[]");
    expect((await run()).problems).toEqual([`${beside}: it is not a JSON object in UTF-8 and was left out.`]);
  });
});
