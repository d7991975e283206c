import { appendFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { assistant, first, project, second, subagent, turn, user } from "../../test/cli/transcripts.ts";
import { claudeSessionStore } from "../agents/claude/adapter.ts";
import { openStore } from "../open-store.ts";

let home: Home;

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("a session that a program mirrored under a project of its own", () => {
  beforeEach(async () => {
    await mirror("my-team", first, turn.slice(0, 4));
    home.transcript(project, first, turn);
    home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
    home.transcript(project, second, [user("o1", null, "Never mirrored", 30)]);
  });

  it.each([["import"], ["start"]])("gets what its file has more by %s, and no second copy", async (verb) => {
    expect((await home.runInside([verb])).code).toBe(0);
    expect(await projects()).toEqual({ [first]: ["my-team"], [second]: [project] });
    const { code, stdout } = await home.runInside(["show", first, "--json"]);
    expect(code).toBe(0);
    const uuids = JSON.parse(stdout).entries.map(({ uuid }: { uuid?: string }) => uuid);
    expect(uuids).toEqual(turn.map((entry) => (entry as { uuid?: string }).uuid));
    expect((await home.runInside(["show", first])).stdout).toContain("inner answer");
    expect((await home.runInside(["import"])).stdout).toContain("3 unchanged");
  });

  it("gets no third copy when its file grows after an import with --project made a second", async () => {
    await home.runInside(["import", "--project", "copy", "--session", first]);
    expect(await projects()).toEqual({ [first]: ["copy", "my-team"] });
    const path = home.transcript(project, first, turn);
    appendFileSync(path, `${JSON.stringify(assistant("a9", "a3", [{ type: "text", text: "more" }], 9))}\n`);
    expect((await home.runInside(["import", "--session", first])).code).toBe(0);
    expect((await projects())[first]).toEqual(["copy", "my-team"]);
  });

  it("is not brought back by an import after it was removed, but by --restore-dropped, and there", async () => {
    expect((await home.runInside(["rm", first])).code).toBe(0);
    expect((await home.runInside(["import"])).stdout).toContain("Left out 1 removed session");
    expect(await projects()).toEqual({ [second]: [project] });
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
    await home.runInside(["import", "--restore-dropped"]);
    expect((await projects())[first]).toEqual(["my-team"]);
  });

  it("is not taken for one of another agent that has the same id, nor for one with a longer id", async () => {
    const store = await openStore(`sqlite:${home.database}`);
    const log = { project: "editor", session: second, log: "" };
    await store.append({ log, entries: [{ body: "{}" }], provider: "cursor" });
    await store.close();
    await mirror("my-team", `${second}-more`, turn);
    await home.runInside(["import"]);
    expect((await projects())[second]).toEqual([project, "editor"]);
  });
});

describe("a session that its folder's project and another hold", () => {
  it("is named by a prefix only with its --project, which the error gives to type", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    await home.runInside(["import", "--project", "my team"]);
    for (const prefix of [first, first.slice(0, 6)])
      for (const verb of ["show", "tail", "export", "verify", "rescue", "rm"]) {
        const { code, stderr } = await home.runInside([verb, prefix]);
        expect(code).toBe(2);
        expect(stderr).toContain(`2 projects hold a session ${first}:`);
        expect(stderr).toContain(project);
        expect(stderr).toMatch(/Name its project, such as --project (?:'my team'|-home-dev-proj)\.\n$/);
        expect(stderr).not.toContain("more of the id");
      }
    expect((await home.runInside(["show", first.slice(0, 6), "--project", "my team"])).code).toBe(0);
  });

  it("gets an import in its folder's project, where it is unchanged", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    await home.runInside(["import", "--project", "team"]);
    expect((await home.runInside(["import"])).stdout).toContain("0 new entries of 1 session");
    expect((await home.runInside(["import"])).stdout).toContain("1 unchanged");
  });
});

async function mirror(name: string, sessionId: string, entries: readonly object[]): Promise<void> {
  home.write(".local/share/holdfast/.keep", "");
  const store = await openStore(`sqlite:${home.database}`);
  const sessions = claudeSessionStore(store, { project: name });
  await sessions.append({ projectKey: "any", sessionId }, entries as never);
  await store.close();
}

/** The projects of each session in the store, by name. */
async function projects(): Promise<Record<string, string[]>> {
  const { stdout } = await home.runInside(["list", "--json"]);
  const found: Record<string, string[]> = {};
  for (const { session, project: name } of JSON.parse(stdout).sessions) (found[session] ??= []).push(name);
  for (const names of Object.values(found)) names.sort();
  return found;
}
