import {
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { session, sessionId, sideFileBench } from "../../../../test/claude/side-file-bench.ts";
import { fileLog, filesIn } from "../../../core/side-files.ts";
import { SideFiles } from "./side-files.ts";

const bench = sideFileBench();

test("What a host that was killed had fetched is removed by the next that fetches, once its host is gone.", async () => {
  const config = bench.config("config");
  config.write("beside/tool-results/a.txt", "one");
  await bench.keep(new SideFiles(session), config);
  const dead = spawnSync("true").pid;
  const [stale, young, living] = [`${dead}-a`, `${dead}-b`, `${process.pid}-c`].map((name) => {
    const path = join(bench.temporary, `holdfast-files-${name}`);
    mkdirSync(path);
    writeFileSync(join(path, "0"), "a session's bytes");
    return path;
  });
  const longAgo = Date.now() / 1000 - 2 * 3600;
  for (const path of [stale!, living!]) utimesSync(path, longAgo, longAgo);
  using files = new SideFiles(session);
  await files.fetch(bench.store);
  expect([stale, young, living].map((path) => existsSync(path!))).toEqual([false, true, true]);
});

describe("a folder that files are put back into", () => {
  beforeEach(async () => {
    const config = bench.config("config");
    utimesSync(config.write("beside/tool-results/a.txt", "stored"), 1000, 1000);
    await bench.keep(new SideFiles(session), config);
  });

  test.each([
    [2000, "newer"],
    [1000, "newer"],
    [500, "stored"],
  ])("keeps what it has from second %d on, where the store's is of second 1000", async (second, expected) => {
    const config = bench.config("config-2");
    utimesSync(config.write("beside/tool-results/a.txt", "newer"), second, second);
    const files = new SideFiles(session);
    await files.fetch(bench.store);
    files.materialise(config.onDisk);
    expect(config.read("beside/tool-results/a.txt")).toBe(expected);
    // What stayed is the session's from now on.
    await bench.keep(files, config, { run: "2" });
    const { config: next } = await bench.resumed("claude-resume-3");
    expect(next.read("beside/tool-results/a.txt")).toBe(expected);
  });

  test("is not left through a link", async () => {
    const [config, outside] = [bench.config("claude-resume-2"), join(bench.folder, "outside")];
    mkdirSync(outside);
    mkdirSync(dirname(config.at("beside/tool-results")), { recursive: true });
    symlinkSync(outside, config.at("beside/tool-results"));
    const files = new SideFiles(session);
    await files.fetch(bench.store);
    files.materialise(config.onDisk);
    expect(readdirSync(outside)).toEqual([]);
    const { notices } = await bench.keep(files, config, { run: "2" });
    expect(notices[0]).toContain("was not put back. It could not be written (a link is on the way to it).");
  });

  test("is not left by what a damaged log says", async () => {
    const { entries } = await bench.store.read({ log: { ...session, log: fileLog } });
    const [file] = filesIn(entries.map(({ body }) => body));
    for (const path of [
      "../../outside.txt",
      "session/../../../../outside.txt",
      "/outside.txt",
      "plans/../../outside.txt",
    ])
      await bench.store.append({
        log: { ...session, log: fileLog },
        entries: [{ body: JSON.stringify({ ...file, path }) }],
      });
    await bench.resumed("claude-resume-2");
    const names = readdirSync(bench.folder, { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => name.endsWith("outside.txt"))).toEqual([]);
    expect(names.filter((name) => name.endsWith("a.txt"))).toHaveLength(2);
  });

  test("is told the model by its own name, and the store's words stay", async () => {
    const named = (at: string): object => ({
      type: "user",
      uuid: "u1",
      text: `saved to: ${at}\n\u00e9 \ud83d\ude00 $&`,
    });
    const before = join(bench.folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const one = await bench.resumed("claude-resume-1", [named(before)]);
    const path = one.config.at("beside/tool-results/a.txt");
    const transcript = `projects/-elsewhere/${sessionId}.jsonl`;
    expect(one.config.read(transcript)).toBe(`${JSON.stringify(named(path))}\n`);
    expect(statSync(one.config.at(transcript)).mode & 0o777).toBe(0o600);

    // The next process is told so too where this one's words name its own folder.
    expect((await bench.keep(one.files, one.config, { run: "2" })).files).toMatchObject([{ was: path }]);
    expect((await bench.keep(one.files, one.config, { run: "3" })).files).toEqual([]);
    const two = await bench.resumed("claude-resume-2", [named(before), named(path)]);
    const now = named(two.config.at("beside/tool-results/a.txt"));
    expect(two.config.read(transcript)).toBe([now, now].map((line) => `${JSON.stringify(line)}\n`).join(""));
  });

  test("has its transcripts left alone where it is the user's own", async () => {
    const before = join(bench.folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const line = { type: "user", uuid: "u1", text: before };
    const { config } = await bench.resumed("own", [line]);
    expect(config.read(`projects/-elsewhere/${sessionId}.jsonl`)).toBe(`${JSON.stringify(line)}\n`);
  });

  test("names the new folder in a subagent's transcript too", async () => {
    const before = join(bench.folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const config = bench.config("claude-resume-1");
    config.write("beside/subagents/agent-1.jsonl", `${JSON.stringify({ text: before })}\n`);
    const files = new SideFiles(session);
    await files.fetch(bench.store);
    files.materialise(config.onDisk);
    expect(config.read("beside/subagents/agent-1.jsonl")).toContain(config.at("beside/tool-results/a.txt"));
  });

  test.each([
    ["a file has its name", "tool-results", "was not put back"],
    ["a transcript cannot be written", `../${sessionId}.jsonl.new/x`, "may not be where the agent looks"],
  ])("keeps no process from starting where %s", async (_, inTheWay, said) => {
    const before = join(bench.folder, "config/projects/-home-dev", sessionId, "tool-results/a.txt");
    const config = bench.config("claude-resume-2", [{ type: "user", uuid: "u1", text: before }]);
    config.write(`beside/${inTheWay}`, "in the way");
    config.write("projects/.DS_Store", "no folder");
    const files = new SideFiles(session);
    await files.fetch(bench.store);
    files.materialise(config.onDisk);
    expect((await bench.keep(files, config, { run: "2" })).notices[0]).toContain(said);
    expect(readdirSync(bench.temporary)).toEqual([]);
  });
});
