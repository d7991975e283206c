import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { first, project, second, subagent, turn, user } from "../../test/cli/transcripts.ts";
import { openStore } from "../open-store.ts";
import { packageRoot } from "./package-root.ts";

let home: Home;

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("a removed session", () => {
  beforeEach(async () => {
    home.transcript(project, first, turn);
    home.transcript("-other", second, [user("o1", null, "Second prompt", 30)]);
    await home.runInside(["import"]);
    await home.runInside(["rm", first, "--reason", "only an example"]);
  });

  it.each(["show", "tail", "export", "verify", "rm", "rescue"])(
    "is told by %s: when, by whom, why, and what brings it back",
    async (verb) => {
      for (const id of [first, first.slice(0, 5)]) {
        const { code, stdout, stderr } = await home.runInside([verb, id]);
        expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
        expect(stderr).toContain(`The session ${first} of project ${project} was removed on 20`);
        expect(stderr).toMatch(/removed on \d{4}-\d\d-\d\d \d\d:\d\d by cli:[^:]+: only an example\. /);
      }
    },
  );

  it("comes back by the very command that show names", async () => {
    const { stderr } = await home.runInside(["show", first]);
    const [, command = ""] = /Bring it back with holdfast (.*?), if/.exec(stderr) ?? [];
    expect((await home.runInside(command.split(" "))).code).toBe(0);
    expect((await home.runInside(["show", first])).code).toBe(0);
    await home.runInside(["rm", second]);
    expect((await home.runInside(["show", "0c8f2"])).code).toBe(0);
  });

  it("is none that another project or a longer prefix means, and several are named", async () => {
    expect((await home.runInside(["show", first, "--project", "nope"])).stderr).toContain("No session");
    expect((await home.runInside(["show", `${first}0`])).stderr).toContain("No session");
    await home.runInside(["rm", second]);
    const { code, stderr } = await home.runInside(["show", "0c8f"]);
    expect(code).toBe(1);
    expect(stderr).toContain(`2 sessions that begin with 0c8f were removed: ${second}, ${first}.`);
  });

  it("comes back by what start names, which has no option for it", async () => {
    const { stderr } = await home.runInside(["start", "--store", home.database]);
    const [, command = ""] = /session: npx holdfast (.*) brings it back\.\n/.exec(stderr) ?? [];
    expect(command).toBe(`import --restore-dropped --store ${home.database}`);
    expect((await home.runInside(command.split(" "))).code).toBe(0);
    expect((await home.runInside(["show", first])).code).toBe(0);
  });

  it("comes back by what start names where it is the example's", async () => {
    using empty = new Home();
    await empty.runInside(["start"]);
    await empty.runInside(["rm", "7d0c"]);
    const { stderr } = await empty.runInside(["start"]);
    const [, command = ""] = /session: npx holdfast (.*) brings it back\.\n/.exec(stderr) ?? [];
    expect(command).toContain(packageRoot.pathname);
    expect((await empty.runInside(command.split(" "))).code).toBe(0);
    expect((await empty.runInside(["show", "7d0c"])).code).toBe(0);
  });
});

describe("rescue", () => {
  it("fails where it finds no file, and says what it looked for and where", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    expect((await home.runInside(["rescue", first])).code).toBe(0);
    for (const more of [[], ["--json"]]) {
      const args = ["rescue", first, "--config-dir", `${home.folder}/tmp`, ...more];
      const { code, stdout, stderr } = await home.runInside(args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      for (const part of [
        `${first}.jsonl`,
        `${home.folder}/tmp/projects`,
        `${home.folder}/tmp/claude-resume-*`,
      ])
        expect(stderr).toContain(part);
      expect(stderr).toContain(`holdfast verify ${first}`);
    }
  });
});

describe("a removed log", () => {
  const log = "subagents/agent-abc123";

  it.each(["was imported", "was only mirrored"])("that %s stays removed, and import says so", async (how) => {
    home.transcript(project, first, turn);
    if (how === "was imported") home.transcript(project, `${first}/${log}`, subagent);
    await home.runInside(["import"]);
    if (how === "was only mirrored") {
      const store = await openStore(`sqlite:${home.database}`);
      const entries = subagent.map((entry) => ({ body: JSON.stringify(entry) }));
      await store.append({ log: { project, session: first, log }, entries });
      await store.close();
    }
    expect((await home.runInside(["rm", first, "--log", log])).stdout).toContain(`Removed ${log}`);
    home.transcript(project, `${first}/${log}`, subagent);
    const { stdout } = await home.runInside(["import"]);
    expect(stdout).toContain("Left out 1 removed log: --restore-dropped brings it back.");
    expect((await home.runInside(["show", first, "--log", log])).code).toBe(1);
    await home.runInside(["import", "--restore-dropped"]);
    expect((await home.runInside(["show", first, "--log", log])).stdout).toContain("inner answer");
  });
});
