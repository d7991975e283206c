import { execFileSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bin, Home } from "../../test/cli/home.ts";
import { first, project, second, turn, user } from "../../test/cli/transcripts.ts";
import { openStore } from "../open-store.ts";

let home: Home;
const other = "0a000000-0000-4000-8000-000000000000";

beforeAll(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript("-other", second, [user("o1", null, "Second prompt", 30)]);
  expect((await home.runInside(["import"])).code).toBe(0);
  home.write("bin/holdfast", `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n`);
  chmodSync(join(home.folder, "bin/holdfast"), 0o755);
});

afterAll(() => home[Symbol.dispose]());

describe("completion in bash", () => {
  it("completes a command, its options, and what an option takes", () => {
    expect(complete("holdfast", "ver")).toEqual(["verify"]);
    expect(complete("holdfast", "")).toEqual(expect.arrayContaining(["list", "show", "import", "--store"]));
    expect(complete("holdfast", "")).not.toContain("complete-session");
    expect(complete("holdfast", "list", "--si")).toEqual(["--since"]);
    expect(complete("holdfast", "list", "--json", "--t")).toEqual(["--title"]);
    expect(complete("holdfast", "rm", first, "--d")).toEqual(["--dry-run"]);
    expect(complete("holdfast", "export", first, "--format", "m")).toEqual(["markdown"]);
    expect(complete("holdfast", "completion", "f")).toEqual(["fish"]);
  });

  it("completes what stands below a command, its options, and its values", () => {
    expect(complete("holdfast", "runs", "")).toEqual(expect.arrayContaining(["list", "show", "resolve"]));
    expect(complete("holdfast", "runs", "")).not.toContain("--json");
    expect(complete("holdfast", "projections", "re")).toEqual(["rebuild", "resume"]);
    expect(complete("holdfast", "runs", "resolve", "1.1", "--dis")).toEqual(["--discard"]);
    expect(complete("holdfast", "runs", "list", "--state", "h")).toEqual(["held"]);
    expect(complete("holdfast", "inputs", "list", "--state", "q")).toEqual(["queued"]);
    expect(complete("holdfast", "usage", "--by", "m")).toEqual(["model"]);
    expect(complete("holdfast", "run", "--agent", "")).toEqual(["scripted", "claude"]);
    expect(complete("holdfast", "run", "--permission-mode", "p")).toEqual(["plan"]);
    expect(complete("holdfast", "wor")).toEqual(["worker"]);
    expect(complete("holdfast", "worker", "--d")).toEqual(["--drain-ms"]);
    expect(complete("holdfast", "redispatch", "--in")).toEqual(["--input"]);
    expect(complete("holdfast", "git", "re").toSorted()).toEqual(["repair", "resume", "rewind"]);
    expect(complete("holdfast", "git", "")).not.toContain("work");
    expect(complete("holdfast", "git", "why", "a.ts:1", "--r")).toEqual(["--rev"]);
    expect(complete("holdfast", "git", "enable", "--layout", "git-")).toEqual(["git-refs", "git-branch"]);
    expect(complete("holdfast", "list", "runs", "--st")).toEqual(["--stats", "--store"]);
  });

  it.each([
    ["sessions", "clear"],
    ["sessions", "drop"],
    ["run", "say", "--session"],
    ["runs", "list", "--session"],
    ["usage", "--session"],
    ["redispatch", "--session"],
  ])("completes a session behind %s %s", (...words) => {
    expect(complete("holdfast", ...words, "0c8f2")).toEqual([first]);
  });

  it("leaves an option's file name to the shell", () => {
    expect(complete("holdfast", "export", first, "--output", "o")).toEqual([]);
    expect(complete("holdfast", "--store", "o")).toEqual([]);
  });

  it.each(["show", "tail", "export", "rescue", "rm", "verify"])(
    "completes a session of %s by its id",
    (verb) => {
      expect(complete("holdfast", verb, "0c8f2")).toEqual([first]);
      expect(complete("holdfast", verb, "0c8f").toSorted()).toEqual([first, second].toSorted());
      expect(complete("holdfast", verb, "ffff")).toEqual([]);
    },
  );

  it("asks the store that the line names, and is silent where there is none", async () => {
    const path = join(home.folder, "other.db");
    const store = await openStore(`sqlite:${path}`);
    await store.append({ log: { project: "p", session: other, log: "" }, entries: [{ body: "{}" }] });
    await store.close();
    expect(complete("holdfast", "--store", path, "show", "0")).toEqual([other]);
    expect(complete("holdfast", "show", "--store", path, "0")).toEqual([other]);
    expect(complete("holdfast", "show", "--store", "/absent.db", "0")).toEqual([]);
  });

  it("never runs nor offers an id that means something to the shell", async () => {
    const store = await openStore(`sqlite:${home.database}`);
    const pwned = join(home.folder, "pwned");
    for (const session of [`evil$(touch ${pwned})`, `evil;touch ${pwned}`, "evil`id`", "evil *", "evil-ok"])
      await store.append({ log: { project: "p", session, log: "" }, entries: [{ body: "{}" }] });
    await store.close();
    expect(complete("holdfast", "show", "evil")).toEqual(["evil-ok"]);
    expect(existsSync(pwned)).toBe(false);
  });
});

describe("completion in zsh and fish", () => {
  it("knows every command and option, and asks the program for sessions", async () => {
    for (const shell of ["zsh", "fish"]) {
      const { code, stdout } = await home.runInside(["completion", shell]);
      expect(code).toBe(0);
      for (const word of [
        "list",
        "rescue",
        "config-dir",
        "dry-run",
        "bash zsh fish",
        "resolve",
        "rebuild",
        "held",
        "git-branch",
      ])
        expect(stdout).toContain(word);
      expect(stdout).toContain("holdfast");
      expect(stdout).toContain("complete-session -- ");
      expect(stdout).not.toContain("undefined");
      // Every quote is closed on its own line.
      for (const line of stdout.split("\n")) expect(line.split("'").length % 2, line).toBe(1);
    }
  });

  it("gives zsh only descriptions whose brackets and colons are escaped", async () => {
    const { stdout } = await home.runInside(["completion", "zsh"]);
    for (const [, told] of stdout.matchAll(/'--[\w-]+\[(.*?)(?<!\\)\]/g))
      expect(told).not.toMatch(/(?<!\\)[[:]/);
    expect(stdout).toContain("'--format[jsonl or markdown]:format:(jsonl markdown)'");
    expect(stdout).toContain("(day model project session label\\:)");
    expect(stdout).toContain("'runs resolve') _arguments");
    expect(stdout).toContain("'sessions drop') _arguments");
  });
});

/** What bash offers for the last word of a command line. */
function complete(...words: string[]): string[] {
  const script = `
    set -u
    source <(holdfast completion bash)
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _holdfast "$1" "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD-1]}"
    printf '%s\\n' \${COMPREPLY[@]+"\${COMPREPLY[@]}"}`;
  const env = home.environment({ PATH: `${join(home.folder, "bin")}:${process.env["PATH"]}` });
  const args = ["--norc", "--noprofile", "-c", script, "bash", ...words];
  const stdout = execFileSync("bash", args, { env, encoding: "utf8", cwd: home.folder });
  return stdout.split("\n").filter((line) => line !== "");
}
