import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { execFileSync, spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { storeWith } from "../../../../test/runtime/recovery.ts";
import type { TurnStore } from "../../../core/agent.ts";
import { fileEntry, fileLog, filesIn, type SideFile } from "../../../core/side-files.ts";
import type { Store } from "../../../core/store.ts";
import { openMemoryStore } from "../../../stores/memory/index.ts";
import { SideFiles } from "./side-files.ts";

const session = { project: "team", session: "any name" };
const sessionId = "0b7a4e0e-6f0c-4f2b-9c3e-2d3c5c1c9a11";
let folder: string;
let temporary: string;
let store: Store;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-side-files-"));
  temporary = join(folder, "tmp");
  mkdirSync(temporary);
  vi.stubEnv("TMPDIR", temporary);
  store = openMemoryStore();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A config folder in which an agent has a session. */
class Config {
  readonly folder: string;
  readonly key: string;

  constructor(name: string, lines: readonly object[] = [{ type: "user", uuid: "u1" }], key = "-home-dev") {
    this.folder = join(folder, name);
    this.key = key;
    this.write(
      `projects/${key}/${sessionId}.jsonl`,
      lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
    );
  }

  get onDisk(): { folder: string; sessionId: string } {
    return { folder: this.folder, sessionId };
  }

  at(path: string): string {
    return join(this.folder, path.replace(/^beside\//, `projects/${this.key}/${sessionId}/`));
  }

  write(path: string, text: string | Uint8Array): string {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), text);
    return this.at(path);
  }

  read(path: string): string {
    return readFileSync(this.at(path), "utf8");
  }
}

/** What a turn keeps: files by their path, and what was said; the run's boundary publishes the files. */
async function keep(
  files: SideFiles,
  { onDisk }: Config,
  {
    run = "1",
    isCommitted = true,
    from = store,
  }: { run?: string; isCommitted?: boolean; from?: TurnStore } = {},
): Promise<{ files: SideFile[]; notices: string[] }> {
  const kept: { files: SideFile[]; notices: string[] } = { files: [], notices: [] };
  for await (const step of files.keep({ turn: { session, run, store: from }, ...onDisk })) {
    if (step.kind === "file") kept.files.push(step.file);
    if (step.kind === "event" && step.event.type === "notice") kept.notices.push(step.event.text);
  }
  const entries = kept.files.map((file) => fileEntry({ run, file }));
  if (isCommitted && entries.length > 0) await store.append({ log: { ...session, log: fileLog }, entries });
  return kept;
}

/** A process on a machine that has nothing of the session but what the SDK writes there. */
async function resumed(name: string, lines: readonly object[] = [{ type: "user", uuid: "u1" }]) {
  const [config, files] = [new Config(name, lines, "-elsewhere"), new SideFiles(session)];
  await files.fetch(store);
  files.materialise(config.onDisk);
  return { config, files };
}

describe("the files beside a transcript", () => {
  test("are never put outside of the config folder, whatever the session is called", async () => {
    const config = new Config("config");
    config.write(`tasks/${sessionId}/1.json`, "{}");
    await keep(new SideFiles(session), config);
    const files = new SideFiles(session);
    await files.fetch(store);
    files.materialise({ folder: config.folder, sessionId: "../../victim" });
    expect(existsSync(join(folder, "victim"))).toBe(false);
    expect((await keep(files, config, { isCommitted: false })).notices).toEqual([
      "The file tasks/1.json was not put back. It could not be written (it would lie outside of the folder).",
    ]);
  });

  test("are kept with their bytes, once, and put back where another process looks for them", async () => {
    const config = new Config("config");
    const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index % 256);
    config.write("beside/tool-results/a.txt", bytes);
    config.write(`tasks/${sessionId}/1.json`, "{}");
    config.write(`file-history/${sessionId}/x@v1`, "before");
    const files = new SideFiles(session);
    const first = await keep(files, config);
    expect(first.files.map(({ path }) => path)).toEqual([
      "session/tool-results/a.txt",
      "tasks/1.json",
      "file-history/x@v1",
    ]);
    expect(first.notices).toEqual([]);
    expect(await keep(files, config, { run: "2" })).toEqual({ files: [], notices: [] });

    const { config: other } = await resumed("claude-resume-2");
    expect(new Uint8Array(readFileSync(other.at("beside/tool-results/a.txt")))).toEqual(bytes);
    expect(other.read(`tasks/${sessionId}/1.json`)).toBe("{}");
    expect(other.read(`file-history/${sessionId}/x@v1`)).toBe("before");
    expect(statSync(other.at("beside/tool-results/a.txt")).mode & 0o777).toBe(0o600);
    expect(statSync(other.at("beside/tool-results")).mode & 0o777).toBe(0o700);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test("are not read again while they are as they were, and kept anew when they change", async () => {
    const config = new Config("config");
    config.write("beside/tool-results/a.txt", "one");
    const [put, files] = [vi.spyOn(store, "putBlob"), new SideFiles(session)];
    await keep(files, config);
    await keep(files, config, { run: "2" });
    expect(put).toHaveBeenCalledTimes(1);
    config.write("beside/tool-results/a.txt", "two words");
    expect((await keep(files, config, { run: "3" })).files).toMatchObject([{ bytes: 9 }]);
    const { config: other } = await resumed("claude-resume-2");
    expect(other.read("beside/tool-results/a.txt")).toBe("two words");
  });

  test("are kept again by the next run where the run that kept them was put aside", async () => {
    const config = new Config("config");
    config.write("beside/tool-results/a.txt", "one");
    const files = new SideFiles(session);
    expect((await keep(files, config, { isCommitted: false })).files).toHaveLength(1);
    expect((await keep(files, config, { run: "2" })).files).toHaveLength(1);
  });

  test("are kept again in their new version where the run that was given it did not take it, and only then", async () => {
    const config = new Config("config");
    config.write("beside/tool-results/a.txt", "first");
    config.write("beside/tool-results/same.txt", "same");
    const files = new SideFiles(session);
    await keep(files, config);
    config.write("beside/tool-results/a.txt", "second version");
    await keep(files, config, { run: "2", isCommitted: false });
    const puts: Uint8Array[] = [];
    const from = storeWith(store, {
      putBlob: async (params) => {
        puts.push(params.bytes);
        return await store.putBlob(params);
      },
    });
    for (const run of ["3", "4"]) await keep(files, config, { run, from });
    expect(puts.map((bytes) => Buffer.from(bytes).toString())).toEqual(["second version"]);
    const { config: next } = await resumed("claude-resume-2");
    expect(next.read("beside/tool-results/a.txt")).toBe("second version");
  });

  test("stay as they were kept where the folder goes while they are looked at, and under its name", async () => {
    const config = new Config("config");
    config.write("beside/tool-results/kept.txt", "all of it");
    await keep(new SideFiles(session), config);
    const { config: next, files } = await resumed("claude-resume-1");
    next.write("beside/tool-results/a.txt", "said first");
    const turn = { session, run: "2", store };
    for await (const step of files.keep({ turn, ...next.onDisk })) {
      rmSync(next.folder, { recursive: true, force: true });
      const entries = step.kind === "file" ? [fileEntry({ run: "2", file: step.file })] : [];
      await store.append({ log: { ...session, log: fileLog }, entries });
    }
    const line = { type: "user", uuid: "u1", text: next.at("beside/tool-results/kept.txt") };
    const { config: last } = await resumed("claude-resume-2", [line]);
    expect(last.read("beside/tool-results/kept.txt")).toBe("all of it");
    expect(last.read(`projects/-elsewhere/${sessionId}.jsonl`)).toContain(
      last.at("beside/tool-results/kept.txt"),
    );
  });

  test("are the session's own: another one's plan, task and output stay where they are", async () => {
    const config = new Config("config", [
      { uuid: "u1", slug: "old-plan" },
      { uuid: "u2", slug: "own-plan" },
      { type: "mode" },
    ]);
    config.write("plans/own-plan.md", "ours");
    config.write("plans/own-plan-agent-a1.md", "our agent's");
    for (const path of [
      "plans/other-plan.md",
      "plans/own-plan.md.key",
      "plans/own-plan-b.md",
      "tasks/other/1.json",
    ])
      config.write(path, "theirs");
    config.write("projects/-home-dev/other/tool-results/a.txt", "theirs");
    config.write("beside/subagents/agent-1.jsonl", "{}");
    const { files } = await keep(new SideFiles(session), config);
    expect(files.map(({ path }) => path)).toEqual(["plans/own-plan-agent-a1.md", "plans/own-plan.md"]);
    const { config: other } = await resumed("claude-resume-2");
    expect(other.read("plans/own-plan.md")).toBe("ours");
  });

  test("that cannot be kept are named with the reason, once", async () => {
    const config = new Config("config");
    const secret = join(folder, "secret");
    writeFileSync(secret, "secret");
    mkdirSync(config.at("beside/tool-results"), { recursive: true });
    symlinkSync(secret, config.at("beside/tool-results/link"));
    symlinkSync(folder, config.at("beside/linked"));
    execFileSync("mkfifo", [config.at("beside/tool-results/pipe")]);
    config.write("beside/tool-results/big", "x".repeat(1_000_001));
    config.write("beside/tool-results/a\\b", "odd");
    config.write("beside/tool-results/fine", "fine");
    const files = new SideFiles(session, { fileBytes: 1_000_000 });
    const kept = await keep(files, config);
    const reasons = kept.files.map((file) => [file.path, "reason" in file ? file.reason : "kept"] as const);
    expect(reasons.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ["session/linked", "It is no regular file."],
      ["session/tool-results/big", "It is larger than the 1 MB that are kept of one file."],
      ["session/tool-results/fine", "kept"],
      ["session/tool-results/link", "It is no regular file."],
      ["session/tool-results/pipe", "It is no regular file."],
    ]);
    expect(kept.notices).toHaveLength(5);
    expect(kept.notices.join("\n")).toContain("Its name could lead elsewhere.");
    expect(await keep(files, config, { run: "2" })).toEqual({ files: [], notices: [] });
    const { config: other } = await resumed("claude-resume-2");
    expect(readdirSync(other.at("beside/tool-results"))).toEqual(["fine"]);
  });

  test("of which one turn writes too many are said to be late, and come with the next", async () => {
    const config = new Config("config");
    for (const name of ["a", "b", "c"]) config.write(`beside/tool-results/${name}`, name.repeat(600));
    const files = new SideFiles(session, { turnBytes: 1000 });
    const [one, two, three] = [
      await keep(files, config),
      await keep(files, config, { run: "2" }),
      await keep(files, config, { run: "3" }),
    ];
    const isKept = ({ files: all }: { files: SideFile[] }): boolean[] => all.map((file) => "blob" in file);
    expect([isKept(one), isKept(two), isKept(three)]).toEqual([[true, false, false], [true], [true]]);
    expect(one.notices[0]).toContain("tried again with the next");
  });

  test("that a dead host has left are put back by the turn that keeps them, before its boundary", async () => {
    const leftover = new Config("claude-resume-1");
    const line = { type: "user", uuid: "u1", at: leftover.write("beside/tool-results/a.txt", "one") };
    const files = new SideFiles(session);
    await keep(files, leftover, { isCommitted: false });
    await files.fetch(store);
    const config = new Config("claude-resume-2", [line], "-elsewhere");
    files.materialise(config.onDisk);
    expect(config.read("beside/tool-results/a.txt")).toBe("one");
    const told = { ...line, at: config.at("beside/tool-results/a.txt") };
    expect(config.read(`projects/-elsewhere/${sessionId}.jsonl`)).toBe(`${JSON.stringify(told)}\n`);
  });

  test("whose bytes the store has lost are said to be missing", async () => {
    const config = new Config("config");
    config.write("beside/tool-results/a.txt", "one");
    await keep(new SideFiles(session), config);
    const files = new SideFiles(session);
    await files.fetch({ read: (params) => store.read(params), getBlob: async () => null });
    const other = new Config("claude-resume-2");
    files.materialise(other.onDisk);
    expect(existsSync(other.at("beside/tool-results"))).toBe(false);
    expect((await keep(files, other, { run: "2" })).notices).toEqual([
      "The file session/tool-results/a.txt was not put back. Its bytes are not in the store any more.",
    ]);
  });
});

test("What a host that was killed had fetched is removed by the next that fetches, once its host is gone.", async () => {
  const config = new Config("config");
  config.write("beside/tool-results/a.txt", "one");
  await keep(new SideFiles(session), config);
  const dead = spawnSync("true").pid;
  const [stale, young, living] = [`${dead}-a`, `${dead}-b`, `${process.pid}-c`].map((name) => {
    const path = join(temporary, `holdfast-files-${name}`);
    mkdirSync(path);
    writeFileSync(join(path, "0"), "a session's bytes");
    return path;
  });
  const longAgo = Date.now() / 1000 - 2 * 3600;
  for (const path of [stale!, living!]) utimesSync(path, longAgo, longAgo);
  using files = new SideFiles(session);
  await files.fetch(store);
  expect([stale, young, living].map((path) => existsSync(path!))).toEqual([false, true, true]);
});

describe("a folder that files are put back into", () => {
  beforeEach(async () => {
    const config = new Config("config");
    utimesSync(config.write("beside/tool-results/a.txt", "stored"), 1000, 1000);
    await keep(new SideFiles(session), config);
  });

  test.each([
    [2000, "newer"],
    [1000, "newer"],
    [500, "stored"],
  ])("keeps what it has from second %d on, where the store's is of second 1000", async (second, expected) => {
    const config = new Config("config-2");
    utimesSync(config.write("beside/tool-results/a.txt", "newer"), second, second);
    const files = new SideFiles(session);
    await files.fetch(store);
    files.materialise(config.onDisk);
    expect(config.read("beside/tool-results/a.txt")).toBe(expected);
    // What stayed is the session's from now on.
    await keep(files, config, { run: "2" });
    const { config: next } = await resumed("claude-resume-3");
    expect(next.read("beside/tool-results/a.txt")).toBe(expected);
  });

  test("is not left through a link", async () => {
    const [config, outside] = [new Config("claude-resume-2"), join(folder, "outside")];
    mkdirSync(outside);
    mkdirSync(dirname(config.at("beside/tool-results")), { recursive: true });
    symlinkSync(outside, config.at("beside/tool-results"));
    const files = new SideFiles(session);
    await files.fetch(store);
    files.materialise(config.onDisk);
    expect(readdirSync(outside)).toEqual([]);
    const { notices } = await keep(files, config, { run: "2" });
    expect(notices[0]).toContain("was not put back. It could not be written (a link is on the way to it).");
  });

  test("is not left by what a damaged log says", async () => {
    const { entries } = await store.read({ log: { ...session, log: fileLog } });
    const [file] = filesIn(entries.map(({ body }) => body));
    for (const path of [
      "../../outside.txt",
      "session/../../../../outside.txt",
      "/outside.txt",
      "plans/../../outside.txt",
    ])
      await store.append({
        log: { ...session, log: fileLog },
        entries: [{ body: JSON.stringify({ ...file, path }) }],
      });
    await resumed("claude-resume-2");
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => name.endsWith("outside.txt"))).toEqual([]);
    expect(names.filter((name) => name.endsWith("a.txt"))).toHaveLength(2);
  });

  test("is told the model by its own name, and the store's words stay", async () => {
    const named = (at: string): object => ({
      type: "user",
      uuid: "u1",
      text: `saved to: ${at}\n\u00e9 \ud83d\ude00 $&`,
    });
    const before = join(folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const one = await resumed("claude-resume-1", [named(before)]);
    const path = one.config.at("beside/tool-results/a.txt");
    const transcript = `projects/-elsewhere/${sessionId}.jsonl`;
    expect(one.config.read(transcript)).toBe(`${JSON.stringify(named(path))}\n`);
    expect(statSync(one.config.at(transcript)).mode & 0o777).toBe(0o600);

    // The next process is told so too where this one's words name its own folder.
    expect((await keep(one.files, one.config, { run: "2" })).files).toMatchObject([{ was: path }]);
    expect((await keep(one.files, one.config, { run: "3" })).files).toEqual([]);
    const two = await resumed("claude-resume-2", [named(before), named(path)]);
    const now = named(two.config.at("beside/tool-results/a.txt"));
    expect(two.config.read(transcript)).toBe([now, now].map((line) => `${JSON.stringify(line)}\n`).join(""));
  });

  test("has its transcripts left alone where it is the user's own", async () => {
    const before = join(folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const line = { type: "user", uuid: "u1", text: before };
    const { config } = await resumed("own", [line]);
    expect(config.read(`projects/-elsewhere/${sessionId}.jsonl`)).toBe(`${JSON.stringify(line)}\n`);
  });

  test("names the new folder in a subagent's transcript too", async () => {
    const before = join(folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const config = new Config("claude-resume-1");
    config.write("beside/subagents/agent-1.jsonl", `${JSON.stringify({ text: before })}\n`);
    const files = new SideFiles(session);
    await files.fetch(store);
    files.materialise(config.onDisk);
    expect(config.read("beside/subagents/agent-1.jsonl")).toContain(config.at("beside/tool-results/a.txt"));
  });

  test.each([
    ["a file has its name", "tool-results", "was not put back"],
    ["a transcript cannot be written", `../${sessionId}.jsonl.new/x`, "may not be where the agent looks"],
  ])("keeps no process from starting where %s", async (_, inTheWay, said) => {
    const before = join(folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const config = new Config("claude-resume-2", [{ type: "user", uuid: "u1", text: before }]);
    config.write(`beside/${inTheWay}`, "in the way");
    config.write("projects/.DS_Store", "no folder");
    const files = new SideFiles(session);
    await files.fetch(store);
    files.materialise(config.onDisk);
    expect((await keep(files, config, { run: "2" })).notices[0]).toContain(said);
    expect(readdirSync(temporary)).toEqual([]);
  });
});
