import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { session, sessionId, sideFileBench } from "../../../../test/claude/side-file-bench.ts";
import { storeWith } from "../../../../test/runtime/recovery.ts";
import { fileEntry, fileLog, type SideFile } from "../../../core/side-files.ts";
import { SideFiles } from "./side-files.ts";

const bench = sideFileBench();

describe("the files beside a transcript", () => {
  test("are never put outside of the config folder, whatever the session is called", async () => {
    const config = bench.config("config");
    config.write(`tasks/${sessionId}/1.json`, "{}");
    await bench.keep(new SideFiles(session), config);
    const files = new SideFiles(session);
    await files.fetch(bench.store);
    files.materialise({ folder: config.folder, sessionId: "../../victim" });
    expect(existsSync(join(bench.folder, "victim"))).toBe(false);
    expect((await bench.keep(files, config, { isCommitted: false })).notices).toEqual([
      "The file tasks/1.json was not put back. It could not be written (it would lie outside of the folder).",
    ]);
  });

  test("are kept with their bytes, once, and put back where another process looks for them", async () => {
    const config = bench.config("config");
    const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index % 256);
    config.write("beside/tool-results/a.txt", bytes);
    config.write(`tasks/${sessionId}/1.json`, "{}");
    config.write(`file-history/${sessionId}/x@v1`, "before");
    const files = new SideFiles(session);
    const first = await bench.keep(files, config);
    expect(first.files.map(({ path }) => path)).toEqual([
      "session/tool-results/a.txt",
      "tasks/1.json",
      "file-history/x@v1",
    ]);
    expect(first.notices).toEqual([]);
    expect(await bench.keep(files, config, { run: "2" })).toEqual({ files: [], notices: [] });

    const { config: other } = await bench.resumed("claude-resume-2");
    expect(new Uint8Array(readFileSync(other.at("beside/tool-results/a.txt")))).toEqual(bytes);
    expect(other.read(`tasks/${sessionId}/1.json`)).toBe("{}");
    expect(other.read(`file-history/${sessionId}/x@v1`)).toBe("before");
    expect(statSync(other.at("beside/tool-results/a.txt")).mode & 0o777).toBe(0o600);
    expect(statSync(other.at("beside/tool-results")).mode & 0o777).toBe(0o700);
    expect(readdirSync(bench.temporary)).toEqual([]);
  });

  test("are not read again while they are as they were, and kept anew when they change", async () => {
    const config = bench.config("config");
    config.write("beside/tool-results/a.txt", "one");
    const [put, files] = [vi.spyOn(bench.store, "putBlob"), new SideFiles(session)];
    await bench.keep(files, config);
    await bench.keep(files, config, { run: "2" });
    expect(put).toHaveBeenCalledTimes(1);
    config.write("beside/tool-results/a.txt", "two words");
    expect((await bench.keep(files, config, { run: "3" })).files).toMatchObject([{ bytes: 9 }]);
    const { config: other } = await bench.resumed("claude-resume-2");
    expect(other.read("beside/tool-results/a.txt")).toBe("two words");
  });

  test("are kept again by the next run where the run that kept them was put aside", async () => {
    const config = bench.config("config");
    config.write("beside/tool-results/a.txt", "one");
    const files = new SideFiles(session);
    expect((await bench.keep(files, config, { isCommitted: false })).files).toHaveLength(1);
    expect((await bench.keep(files, config, { run: "2" })).files).toHaveLength(1);
  });

  test("are kept again in their new version where the run that was given it did not take it, and only then", async () => {
    const config = bench.config("config");
    config.write("beside/tool-results/a.txt", "first");
    config.write("beside/tool-results/same.txt", "same");
    const files = new SideFiles(session);
    await bench.keep(files, config);
    config.write("beside/tool-results/a.txt", "second version");
    await bench.keep(files, config, { run: "2", isCommitted: false });
    const puts: Uint8Array[] = [];
    const from = storeWith(bench.store, {
      putBlob: async (params) => {
        puts.push(params.bytes);
        return await bench.store.putBlob(params);
      },
    });
    for (const run of ["3", "4"]) await bench.keep(files, config, { run, from });
    expect(puts.map((bytes) => Buffer.from(bytes).toString())).toEqual(["second version"]);
    const { config: next } = await bench.resumed("claude-resume-2");
    expect(next.read("beside/tool-results/a.txt")).toBe("second version");
  });

  test("stay as they were kept where the folder goes while they are looked at, and under its name", async () => {
    const config = bench.config("config");
    config.write("beside/tool-results/kept.txt", "all of it");
    await bench.keep(new SideFiles(session), config);
    const { config: next, files } = await bench.resumed("claude-resume-1");
    next.write("beside/tool-results/a.txt", "said first");
    const turn = { session, run: "2", store: bench.store };
    for await (const step of files.keep({ turn, ...next.onDisk })) {
      rmSync(next.folder, { recursive: true, force: true });
      const entries = step.kind === "file" ? [fileEntry({ run: "2", file: step.file })] : [];
      await bench.store.append({ log: { ...session, log: fileLog }, entries });
    }
    const line = { type: "user", uuid: "u1", text: next.at("beside/tool-results/kept.txt") };
    const { config: last } = await bench.resumed("claude-resume-2", [line]);
    expect(last.read("beside/tool-results/kept.txt")).toBe("all of it");
    expect(last.read(`projects/-elsewhere/${sessionId}.jsonl`)).toContain(
      last.at("beside/tool-results/kept.txt"),
    );
  });

  test("are the session's own: another one's plan, task and output stay where they are", async () => {
    const config = bench.config("config", [
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
    const { files } = await bench.keep(new SideFiles(session), config);
    expect(files.map(({ path }) => path)).toEqual(["plans/own-plan-agent-a1.md", "plans/own-plan.md"]);
    const { config: other } = await bench.resumed("claude-resume-2");
    expect(other.read("plans/own-plan.md")).toBe("ours");
  });

  test("that cannot be kept are named with the reason, once", async () => {
    const config = bench.config("config");
    const secret = join(bench.folder, "secret");
    writeFileSync(secret, "secret");
    mkdirSync(config.at("beside/tool-results"), { recursive: true });
    symlinkSync(secret, config.at("beside/tool-results/link"));
    symlinkSync(bench.folder, config.at("beside/linked"));
    execFileSync("mkfifo", [config.at("beside/tool-results/pipe")]);
    config.write("beside/tool-results/big", "x".repeat(1_000_001));
    config.write("beside/tool-results/a\\b", "odd");
    config.write("beside/tool-results/fine", "fine");
    const files = new SideFiles(session, { fileBytes: 1_000_000 });
    const kept = await bench.keep(files, config);
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
    expect(await bench.keep(files, config, { run: "2" })).toEqual({ files: [], notices: [] });
    const { config: other } = await bench.resumed("claude-resume-2");
    expect(readdirSync(other.at("beside/tool-results"))).toEqual(["fine"]);
  });

  test("of which one turn writes too many are said to be late, and come with the next", async () => {
    const config = bench.config("config");
    for (const name of ["a", "b", "c"]) config.write(`beside/tool-results/${name}`, name.repeat(600));
    const files = new SideFiles(session, { turnBytes: 1000 });
    const [one, two, three] = [
      await bench.keep(files, config),
      await bench.keep(files, config, { run: "2" }),
      await bench.keep(files, config, { run: "3" }),
    ];
    const isKept = ({ files: all }: { files: SideFile[] }): boolean[] => all.map((file) => "blob" in file);
    expect([isKept(one), isKept(two), isKept(three)]).toEqual([[true, false, false], [true], [true]]);
    expect(one.notices[0]).toContain("tried again with the next");
  });

  test("that a dead host has left are put back by the turn that keeps them, before its boundary", async () => {
    const leftover = bench.config("claude-resume-1");
    const line = { type: "user", uuid: "u1", at: leftover.write("beside/tool-results/a.txt", "one") };
    const files = new SideFiles(session);
    await bench.keep(files, leftover, { isCommitted: false });
    await files.fetch(bench.store);
    const config = bench.config("claude-resume-2", [line], "-elsewhere");
    files.materialise(config.onDisk);
    expect(config.read("beside/tool-results/a.txt")).toBe("one");
    const told = { ...line, at: config.at("beside/tool-results/a.txt") };
    expect(config.read(`projects/-elsewhere/${sessionId}.jsonl`)).toBe(`${JSON.stringify(told)}\n`);
  });

  test("whose bytes the store has lost are said to be missing", async () => {
    const config = bench.config("config");
    config.write("beside/tool-results/a.txt", "one");
    await bench.keep(new SideFiles(session), config);
    const files = new SideFiles(session);
    await files.fetch({ read: (params) => bench.store.read(params), getBlob: async () => null });
    const other = bench.config("claude-resume-2");
    files.materialise(other.onDisk);
    expect(existsSync(other.at("beside/tool-results"))).toBe(false);
    expect((await bench.keep(files, other, { run: "2" })).notices).toEqual([
      "The file session/tool-results/a.txt was not put back. Its bytes are not in the store any more.",
    ]);
  });
});
