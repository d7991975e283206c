import { appendFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { assistant, first, project, second, subagent, turn, user } from "../../test/cli/transcripts.ts";
import { withStoreOf } from "../../test/cli/work.ts";
import { claudeSessionStore, type ClaudeSessionStoreOptions } from "../agents/claude/adapter.ts";
import { openStore } from "../open-store.ts";

let home: Home;

beforeEach(() => {
  home = new Home();
});
afterEach(() => home[Symbol.dispose]());

describe("doctor", () => {
  it("says that DATABASE_URL is not used where another store is named, and how it would be", async () => {
    await home.runInside(["import"]);
    const env = { HOLDFAST_STORE: home.database, DATABASE_URL: "postgres://me:pw@localhost/app" };
    const { code, stdout } = await home.runInside(["doctor"], { env });
    expect(code).toBe(0);
    expect(stdout).toContain("ok      database-url: ");
    expect(stdout).toContain("--store env:DATABASE_URL names it");
    expect(stdout).not.toContain("pw");
    expect((await home.runInside(["doctor"])).stdout).not.toContain("DATABASE_URL");
  });

  it("advises an import while a transcript of this machine is in no store and was not removed", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
    home.transcript(project, second, [user("d1", null, "x", 0)]);
    const { code, stdout } = await home.runInside(["doctor"]);
    expect(code).toBe(0);
    expect(stdout).toContain("advice  transcripts: 1 session of this machine not in the store");
    await home.runInside(["import"]);
    await home.runInside(["rm", second]);
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
  });

  it("asks for no import of what an agent of the store has run, which no import makes a second session of", async () => {
    const ran = { project: "p", session: "mine" };
    await withStoreOf(home, async (store) => {
      await store.append({ log: { ...ran, log: "" }, entries: [{ body: '{"type":"user","uuid":"x1"}' }] });
      await store.describe({ session: ran, resume: { key: "k", token: second } });
    });
    home.transcript(project, second, [user("x1", null, "x", 0)]);
    home.transcript(project, first, turn);
    const { stdout } = await home.runInside(["doctor"]);
    expect(stdout).toContain("advice  transcripts: 1 session of this machine not in the store");
    const told = (await home.runInside(["import"])).stdout;
    expect(told).toContain("of 1 session;");
    expect(told).toContain("Left out 1 session that Holdfast ran: in the store by another name.\n");
    const { sessions } = JSON.parse((await home.runInside(["list", "--json"])).stdout) as {
      sessions: { session: string }[];
    };
    expect(sessions.map(({ session }) => session).toSorted()).toEqual([first, "mine"]);
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
  });

  it("ends with 3 while the store lacks the end of a transcript, until the command that it names was run", async () => {
    const path = home.transcript(project, first, turn);
    home.transcript(project, second, [user("o1", null, "x", 1)]);
    await home.runInside(["import"]);
    expect((await home.runInside(["doctor"])).code).toBe(0);
    append(path, assistant("n1", "a3", [{ type: "text", text: "after the import" }], 9));
    const { code, stdout } = await home.runInside(["doctor"]);
    expect(code).toBe(3);
    expect(stdout).toContain(
      `problem transcripts: The store lacks the end of 1 session of this machine: run holdfast rescue ${first}. Behind: ${first}.\n`,
    );
    expect((await home.runInside(["rescue", first])).code).toBe(0);
    expect((await home.runInside(["doctor"])).code).toBe(0);
  });

  it("names every session that is behind, a subagent's among them, and an import of all as the next step", async () => {
    home.transcript(project, first, turn);
    const path = home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
    const other = home.transcript(project, second, [user("o1", null, "x", 1)]);
    await home.runInside(["import"]);
    append(path, assistant("s3", "s2", [], 9));
    append(other, assistant("o2", "o1", [], 9));
    const args = ["doctor", "--config-dir", home.claude];
    const { code, stdout } = await home.runInside(args);
    expect(code).toBe(3);
    const named = `import --config-dir ${home.claude}`;
    expect(stdout).toContain(`2 sessions of this machine: run holdfast ${named}, or holdfast rescue `);
    for (const id of [first, second]) expect(stdout).toContain(id);
    expect((await home.runInside(named.split(" "))).code).toBe(0);
    expect((await home.runInside(args)).code).toBe(0);
  });

  it("knows what a mirror stored from what it missed, without any import", async () => {
    const path = home.transcript(project, first, turn.slice(0, 4));
    await mirror(turn.slice(0, 4));
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
    append(path, ...turn.slice(4));
    expect((await home.runInside(["doctor"])).code).toBe(3);
    await mirror(turn.slice(4));
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
  });

  it("looks for it in the project that holds it", async () => {
    const path = home.transcript(project, first, turn.slice(0, 4));
    await mirror(turn.slice(0, 4), { project: "my-team" });
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
    append(path, ...turn.slice(4));
    expect((await home.runInside(["doctor"])).code).toBe(3);
  });

  it("looks behind a last line of many megabytes, one cut short, and lines without a uuid", async () => {
    const long = user("long", "a3", "x".repeat(3_000_000), 8);
    const path = home.transcript(project, first, [...turn, long]);
    await home.runInside(["import"]);
    append(path, { type: "mode", mode: "plan" });
    appendFileSync(path, '{"type":"user","uuid":"torn","mess');
    expect((await home.runInside(["doctor"])).code).toBe(0);
    appendFileSync(path, `\n${JSON.stringify({ ...long, uuid: "long2" })}\n\n`);
    expect((await home.runInside(["doctor"])).code).toBe(3);
  });

  it("finds the last line however many entries a mirror put behind it, and a touched file unchanged", async () => {
    const path = home.transcript(project, first, turn);
    await home.runInside(["import"]);
    const { atimeMs, mtimeMs } = statSync(path);
    utimesSync(path, atimeMs / 1000, mtimeMs / 1000 + 60);
    await mirror(Array.from({ length: 900 }, (_, at) => user(`m${at}`, "a3", "later", 9)));
    expect((await home.runInside(["doctor"])).stdout).toContain("Every transcript of this machine is known.");
  });

  it("does not call known what it could not look at", async () => {
    home.transcript(project, first, turn);
    await home.runInside(["import"]);
    const name = Buffer.concat([
      Buffer.from(`${home.claude}/projects/${project}/`),
      Buffer.of(0xff),
      Buffer.from(".jsonl"),
    ]);
    writeFileSync(name, "{}\n");
    const { code, stdout } = await home.runInside(["doctor"]);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^problem transcripts: Not looked at: .*its name is not UTF-8/m);
  });
});

function append(path: string, ...entries: readonly object[]): void {
  appendFileSync(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
}

async function mirror(entries: readonly object[], options: ClaudeSessionStoreOptions = {}): Promise<void> {
  home.write(".local/share/holdfast/.keep", "");
  const store = await openStore(`sqlite:${home.database}`);
  const sessions = claudeSessionStore(store, options);
  await sessions.append({ projectKey: project, sessionId: first }, entries as never);
  await store.close();
}
