import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { first, project, secret, subagent, turn, user } from "../../test/cli/transcripts.ts";
import { openStore } from "../open-store.ts";

let home: Home;

beforeEach(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  expect((await home.run(["import"])).code).toBe(0);
});

afterEach(() => home[Symbol.dispose]());

describe("import", () => {
  it("adds nothing the second time, and reports JSON", async () => {
    const again = await home.run(["import", "--json", "--recheck"]);
    expect(again.code).toBe(0);
    expect(JSON.parse(again.stdout)).toMatchObject({
      schemaVersion: 1,
      sessions: 1,
      entries: 0,
      problems: [],
    });
    expect(again.stderr).toBe("");
  });

  it("ends with 3 and names the file and line when a line is broken", async () => {
    const path = home.transcript("-bad", "22222222-0000-4000-8000-000000000000", [user("b1", null, "x", 1)]);
    appendFileSync(path, `not json\n${JSON.stringify(user("b2", "b1", "y", 2))}\n`);
    const { code, stdout, stderr } = await home.run(["import"]);
    expect(code).toBe(3);
    expect(stderr).toContain(`${path}:2`);
    expect(stdout).toContain("2 new entries");
  });

  it("takes another config folder, project and session", async () => {
    const args = ["import", "--config-dir", home.claude, "--project", "team", "--session", first];
    expect((await home.run(args)).code).toBe(0);
    const { stdout } = await home.run(["list", "--json", "--project", "team"]);
    expect(JSON.parse(stdout).sessions).toHaveLength(1);
    expect((await home.run(["show", first])).code).toBe(2);
    expect((await home.run(["show", first, "--project", "team"])).code).toBe(0);
  });
});

describe("import --session", () => {
  it("takes the first characters of an id, and an id that others begin with", async () => {
    home.transcript("-other", `${first}-more`, [user("m1", null, "longer id", 40)]);
    home.transcript("-other", "99999999-0000-4000-8000-000000000000", [user("n1", null, "prefix", 50)]);
    const whole = await home.runInside(["import", "--session", first, "--recheck", "--json"]);
    expect(JSON.parse(whole.stdout)).toMatchObject({ sessions: 1, entries: 0, files: 2 });
    const prefixed = await home.runInside(["import", "--session", "9999", "--json"]);
    expect(JSON.parse(prefixed.stdout)).toMatchObject({ sessions: 1, entries: 1 });
    const { stdout } = await home.runInside(["list", "--json", "--project", "-other"]);
    expect(JSON.parse(stdout).sessions).toHaveLength(1);
  });

  it("and rescue --project bring a session into a new store by the first characters of its id", async () => {
    for (const args of [
      ["import", "--session", first.slice(0, 4)],
      ["rescue", first.slice(0, 4), "--project", project],
    ]) {
      using empty = new Home();
      empty.transcript(project, first, turn);
      expect((await empty.runInside(args)).code).toBe(0);
      expect((await empty.runInside(["show", first, "--raw"])).stdout).toContain('"u1"');
    }
  });
});

describe("an empty CLAUDE_CONFIG_DIR", () => {
  it("counts as none: the folder in the home is read", async () => {
    for (const args of [["import"], ["rescue", first, "--project", project], ["start"]]) {
      using empty = new Home();
      empty.transcript(project, first, turn);
      const { code } = await empty.runInside(args, { env: { CLAUDE_CONFIG_DIR: "" } });
      expect(code).toBe(0);
      expect((await empty.runInside(["show", first])).code).toBe(0);
    }
  });
});

describe("tail -f", () => {
  it("shows what another process appends, once and in order, and ends with 0 on Ctrl-C", async () => {
    const child = home.start(["tail", first, "-f", "-n", "1", "--json"]);
    const lines = linesOf(child.stdout);
    expect(JSON.parse(await lines.next())).toMatchObject({ schemaVersion: 1, log: "", seq: turn.length });
    const store = await openStore(`sqlite:${home.database}`);
    const log = { project, session: first, log: "" };
    for (const uuid of ["n1", "n2", "n3"]) {
      await store.append({ log, entries: [{ body: JSON.stringify(user(uuid, "a3", "more", 9)), uuid }] });
      const followed = JSON.parse(await lines.next());
      expect(followed).toMatchObject({ uuid, entry: { uuid } });
    }
    await store.append({ log, entries: Array.from({ length: 1200 }, (_, at) => ({ body: `{"n":${at}}` })) });
    for (let at = 0; at < 1200; at += 1) {
      expect(JSON.parse(await lines.next())).toMatchObject({ seq: turn.length + 4 + at, entry: { n: at } });
    }
    await store.close();
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.once("close", resolve);
    child.kill("SIGINT");
    expect(await promise).toBe(0);
  });

  it("says so when the session is removed meanwhile", async () => {
    const child = home.start(["tail", first, "-f", "-n", "1", "--raw"]);
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += String(chunk)));
    await linesOf(child.stdout).next();
    const { promise, resolve } = Promise.withResolvers<number | null>();
    child.once("close", resolve);
    expect((await home.run(["rm", first])).code).toBe(0);
    expect(await promise).toBe(1);
    expect(stderr).toContain("removed meanwhile");
  });
});

describe("verify and rescue", () => {
  it.each([
    ["import", "--session", "none-such"],
    ["rescue", "none-such", "--project", "p"],
  ])("tell that there is no such session: %s %s %s", async (...args) => {
    const { code, stdout, stderr } = await home.run(args);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("none-such");
  });

  it("find nothing wrong with a whole session", async () => {
    expect(await home.run(["verify", first])).toMatchObject({ code: 0, stdout: "1 session whole.\n" });
    expect((await home.run(["rescue", first, "--config-dir", home.claude])).code).toBe(0);
  });

  it("end with 3 for a hole, and bring back what the file still holds", async () => {
    const id = "33333333-0000-4000-8000-000000000000";
    const store = await openStore(`sqlite:${home.database}`);
    const late = user("h2", "h1", "late", 2);
    await store.append({
      log: { project, session: id, log: "" },
      entries: [{ body: JSON.stringify(late), uuid: "h2" }],
      provider: "claude-code",
    });
    await store.close();
    const { code, stdout } = await home.run(["verify", "--all", "--json"]);
    expect(code).toBe(3);
    const found = JSON.parse(stdout);
    expect(found.schemaVersion).toBe(1);
    expect(found.sessions.find(({ session }: { session: string }) => session === id).findings).not.toEqual(
      [],
    );
    expect((await home.run(["verify", "3333"])).code).toBe(3);
    expect((await home.run(["doctor"])).code).toBe(3);
    home.transcript(project, id, [user("h1", null, "early", 1), late]);
    await home.run(["rescue", "3333"]);
    expect((await home.run(["show", "3333", "--raw"])).stdout).toContain('"h1"');
  });

  it("refuse neither or both of a session and --all", async () => {
    expect((await home.run(["verify"])).code).toBe(2);
    expect((await home.run(["verify", first, "--all"])).code).toBe(2);
  });
});

describe("export", () => {
  it("redacts JSONL unless --raw is given, which gives the very bytes", async () => {
    const redacted = await home.run(["export", first]);
    expect(redacted.code).toBe(0);
    expect(redacted.stdout).not.toContain(secret);
    expect(
      redacted.stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).uuid),
    ).toHaveLength(turn.length);
    expect(redacted.stderr).toContain("subagents/agent-abc123");
    const raw = await home.run(["export", first, "--raw"]);
    expect(raw.stdout).toBe(turn.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  });

  it("writes Markdown with the subagent inside, always redacted", async () => {
    const { stdout } = await home.run(["export", first, "--format", "markdown"]);
    expect(stdout).toMatch(/^# /);
    expect(stdout).toContain("inner answer");
    expect(stdout).toContain("REDACTED");
    expect(stdout).not.toContain(secret);
    expect((await home.run(["export", first, "--format", "markdown", "--raw"])).code).toBe(2);
    expect((await home.run(["export", first, "--format", "pdf"])).code).toBe(2);
  });

  it("makes a file for this user alone, and replaces one only by force", async () => {
    const path = join(home.folder, "out.jsonl");
    expect(await home.run(["export", first, "-o", path])).toMatchObject({ code: 0, stdout: "" });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    writeFileSync(path, "mine");
    expect((await home.run(["export", first, "-o", path])).code).toBe(2);
    expect(readFileSync(path, "utf8")).toBe("mine");
    expect((await home.run(["export", first, "-o", path, "--force"])).code).toBe(0);
    expect(readFileSync(path, "utf8")).toContain('"a3"');
    expect((await home.run(["export", first, "-o", join(home.folder, "no/out")])).code).toBe(2);
    expect((await home.run(["export", first, "--force"])).code).toBe(2);
  });
});

describe("rm", () => {
  it("changes nothing in a dry run, then removes and keeps the session from coming back", async () => {
    const dry = await home.run(["rm", first, "--dry-run", "--json"]);
    expect(JSON.parse(dry.stdout)).toMatchObject({ schemaVersion: 1, dryRun: true, session: first });
    expect((await home.run(["show", first])).code).toBe(0);
    expect(await home.run(["rm", first, "--reason", "test"])).toMatchObject({ code: 0 });
    expect((await home.run(["show", first])).code).toBe(1);
    expect((await home.run(["import", "--recheck"])).stdout).toContain("--restore-dropped");
    expect((await home.run(["show", first])).code).toBe(1);
    await home.run(["import", "--restore-dropped", "--recheck"]);
    expect((await home.run(["show", first])).code).toBe(0);
  });

  it("removes one log alone", async () => {
    expect((await home.run(["rm", first, "--log", "subagents/agent-abc123"])).code).toBe(0);
    expect((await home.run(["show", first])).stdout).not.toContain("inner answer");
    expect((await home.run(["rm", first, "--log", "subagents/agent-abc123"])).code).toBe(1);
  });
});

describe("doctor", () => {
  it("finds a whole store well and tells of Claude's own deletion", async () => {
    const { code, stdout } = await home.run(["doctor", "--json"]);
    expect(code).toBe(0);
    const { checks, schemaVersion } = JSON.parse(stdout);
    expect(schemaVersion).toBe(1);
    expect(checks.at(-1)).toMatchObject({ check: "retention", state: "advice" });
    expect(checks.at(-1).message).toContain("30 days");
    home.write(".claude/settings.json", '{"cleanupPeriodDays": 3650}');
    expect((await home.run(["doctor"])).stdout).toContain("keeps its transcripts for 3650 days");
  });
});

describe("completion", () => {
  it.each(["bash", "zsh", "fish"])("knows every command in %s", async (shell) => {
    const { code, stdout } = await home.run(["completion", shell]);
    expect(code).toBe(0);
    for (const name of ["list", "show", "rescue", "doctor", "config-dir"]) expect(stdout).toContain(name);
  });

  it("refuses another shell", async () => {
    expect((await home.run(["completion", "tcsh"])).code).toBe(2);
  });
});

describe("start", () => {
  it("imports what the machine has and lists it", async () => {
    const { code, stdout } = await home.run(["start"]);
    expect(code).toBe(0);
    expect(stdout).toContain(first.slice(0, 8));
  });

  it("says that there is nothing and shows the example that comes along", async () => {
    using empty = new Home();
    const { code, stdout, stderr } = await empty.run(["start"]);
    expect(code).toBe(0);
    expect(stderr).toContain("loading the example");
    expect(stdout.split("\n").length).toBeGreaterThan(2);
    expect(existsSync(empty.database)).toBe(true);
  });
});

function linesOf(stream: NodeJS.ReadableStream): { next(): Promise<string> } {
  const lines: string[] = [];
  let [rest, wake] = ["", (): void => {}];
  stream.on("data", (chunk) => {
    const parts = (rest + String(chunk)).split("\n");
    rest = parts.pop()!;
    lines.push(...parts);
    wake();
  });
  return {
    async next() {
      while (lines.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return lines.shift()!;
    },
  };
}
