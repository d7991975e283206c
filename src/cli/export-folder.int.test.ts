import { existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home, snapshot } from "../../test/cli/home.ts";
import { first, project, secret, subagent, turn } from "../../test/cli/transcripts.ts";
import { openStore } from "../open-store.ts";

let home: Home;
let folder: string;
const metadata = '{"agentType":"general-purpose","toolUseId":"toolu_2","spawnDepth":1.0}';
const nested = `${first}/subagents/workflows/run-1/agent-def456`;

beforeEach(async () => {
  home = new Home();
  folder = join(home.folder, "other/.claude/projects/-home-me-proj");
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  home.write(`.claude/projects/${project}/${first}/subagents/agent-abc123.meta.json`, metadata);
  home.transcript(project, nested, subagent);
  expect((await home.runInside(["import"])).code).toBe(0);
});
afterEach(() => home[Symbol.dispose]());

describe("export --folder", () => {
  it("writes the very files that Claude Code had, each for this user alone", async () => {
    const { code, stdout, stderr } = await home.runInside(["export", first, "--raw", "--folder", folder]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toBe(`Wrote 4 files to ${folder}.\n`);
    const written = snapshot(folder);
    expect(written).toEqual(snapshot(join(home.claude, "projects", project)));
    expect(written[`${first}/subagents/agent-abc123.meta.json`]).toBe(metadata);
    for (const [name, bytes] of Object.entries(written))
      expect(statSync(join(folder, name)).mode & 0o777, name).toBe(bytes === "folder" ? 0o700 : 0o600);
  });

  it("writes what another machine imports as the same session", async () => {
    await home.runInside(["export", first, "--raw", "--folder", folder]);
    const store = join(home.folder, "other.db");
    const args = ["import", "--config-dir", join(home.folder, "other/.claude"), "--store", store];
    expect((await home.runInside(args)).code).toBe(0);
    for (const log of ["", "subagents/agent-abc123", "subagents/workflows/run-1/agent-def456"]) {
      const one = await home.runInside(["show", first, "--raw", "--log", log]);
      expect((await home.runInside(["show", first, "--raw", "--log", log, "--store", store])).stdout).toBe(
        one.stdout,
      );
    }
  });

  it("writes the last metadata that a mirror stored, and no line of it into the transcript", async () => {
    const store = await openStore(`sqlite:${home.database}`);
    const log = { project, session: first, log: "subagents/agent-fff" };
    const bodies = [
      '{"type":"agent_metadata","spawnDepth":1}',
      JSON.stringify(subagent[0]),
      '{"spawnDepth":2,"type":"agent_metadata"}',
      '{"type":"user","message":{"content":"\\"agent_metadata\\""}}',
    ];
    await store.append({ log, entries: bodies.map((body) => ({ body })) });
    await store.close();
    await home.runInside(["export", first, "--raw", "--folder", folder]);
    const path = join(folder, first, "subagents/agent-fff");
    expect(readFileSync(`${path}.meta.json`, "utf8")).toBe('{"spawnDepth":2}');
    expect(readFileSync(`${path}.jsonl`, "utf8")).toBe(`${bodies[1]}\n${bodies[3]}\n`);
  });

  it("is redacted without --raw, and says that no agent resumes from it", async () => {
    const { stderr } = await home.runInside(["export", first, "--folder", folder]);
    expect(stderr).toContain("--raw");
    const text = readFileSync(join(folder, `${first}.jsonl`), "utf8");
    expect(text).toContain("REDACTED");
    expect(text).not.toContain(secret);
  });

  it("writes nothing where one of the files is there, and replaces them all by force", async () => {
    const args = ["export", first, "--raw", "--folder", folder];
    for (const name of [`${first}.jsonl`, `${nested}.jsonl`, `${first}/subagents/agent-abc123.meta.json`]) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(join(folder, name, ".."), { recursive: true });
      writeFileSync(join(folder, name), "mine");
      const before = snapshot(folder);
      const { code, stderr } = await home.runInside(args);
      expect(code).toBe(2);
      expect(stderr).toContain(`${name} is there already. Name another folder, or give --force.`);
      expect(snapshot(folder)).toEqual(before);
    }
    expect((await home.runInside([...args, "--force"])).code).toBe(0);
    expect(snapshot(folder)).toEqual(snapshot(join(home.claude, "projects", project)));
  });

  it.each([`${first}.jsonl`, first, `${first}/subagents`, `${first}/subagents/agent-abc123.jsonl`])(
    "follows no link below the folder, also by force: %s",
    async (name) => {
      const outside = join(home.folder, "outside");
      mkdirSync(outside);
      writeFileSync(join(outside, "file"), "mine");
      mkdirSync(join(folder, name, ".."), { recursive: true });
      symlinkSync(name.endsWith(".jsonl") ? join(outside, "file") : outside, join(folder, name));
      const { code, stderr } = await home.runInside([
        "export",
        first,
        "--raw",
        "--folder",
        folder,
        "--force",
      ]);
      expect(code).toBe(2);
      expect(stderr).toContain("of its own");
      expect(snapshot(outside)).toEqual({ file: "mine" });
    },
  );

  it.each([
    ["safe", "../../evil"],
    ["safe", "subagents/../../../evil"],
    ["safe", "/etc/evil"],
    ["safe", "subagents//evil"],
    ["safe", "subagents/."],
    ["safe", "subagents\\..\\evil"],
    ["safe", `subagents/${"x".repeat(300)}`],
    ["../evil", ""],
    ["..", "subagents/agent-1"],
    ["a/b", ""],
  ])("refuses names that could lead out of the folder: %j %j", async (session, log) => {
    const store = await openStore(`sqlite:${home.database}`);
    for (const each of new Set(["", log]))
      await store.append({ log: { project: "p", session, log: each }, entries: [{ body: "{}" }] });
    await store.close();
    mkdirSync(folder, { recursive: true });
    const before = snapshot(join(home.folder, "other"));
    const { code, stderr } = await home.runInside(["export", session, "--raw", "--folder", folder]);
    expect(code).toBe(2);
    expect(stderr).toContain("can be no file's");
    expect(snapshot(join(home.folder, "other"))).toEqual(before);
    expect(existsSync("/etc/evil.jsonl")).toBe(false);
  });
});
