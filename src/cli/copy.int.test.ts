import { copyFileSync, existsSync, linkSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Home, snapshot } from "../../test/cli/home.ts";
import { first, project, subagent, turn } from "../../test/cli/transcripts.ts";
import { withStoreOf } from "../../test/cli/work.ts";

let home: Home;
let from: string;
let to: string;

beforeEach(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  expect((await home.runInside(["import"])).code).toBe(0);
  from = home.database;
  to = join(home.folder, "moved/target.db");
});
afterEach(() => home[Symbol.dispose]());

function copy(...more: string[]) {
  return home.runInside(["copy", "--from", from, "--to", to, ...more]);
}

function parity(...more: string[]) {
  return home.runInside(["parity", "--from", from, "--to", to, ...more]);
}

describe("copy", () => {
  test("says what it wrote and that both are the same, and again writes nothing", async () => {
    const { code, stdout } = await copy();
    expect(stdout).toMatch(
      /^Copied \d+ new entries \(.*B\)\. Caught up at change \d+\.\nThe same at the target: 1 session, 4 logs, \d+ entries, .*B\.\n$/,
    );
    expect(code).toBe(0);
    expect((await copy("--resume")).stdout).toMatch(/^Copied 0 new entries \(0B\)/);
    const ours = await home.runInside(["export", first, "--raw", "--store", from]);
    const theirs = await home.runInside(["export", first, "--raw", "--store", to]);
    expect(theirs.stdout).toBe(ours.stdout);
  });

  test("leaves the source's file as it was, byte for byte", async () => {
    await withStoreOf(home, (store) => store.health());
    const before = rowsIn(from);
    await copy();
    expect(rowsIn(from)).toBe(before);
  });

  test("tells what is at work and is not copied, and ends with 0", async () => {
    await withStoreOf(home, async (store) => {
      const session = { project, session: first };
      for (const key of ["a", "b", "c"]) await store.admit({ session, key, body: "{}" });
    });
    const { code, stdout } = await copy();
    expect(stdout).toContain("not copied: 3 queued inputs. Let the workers end them, then copy again.");
    expect(code).toBe(0);
  });

  test("ends with 3 and a line for each difference, and leaves what differs alone", async () => {
    await withStoreOf(home, async (store) => {
      await store.append({ log: { project, session: "other", log: "" }, entries: [{ body: '{"a":1}' }] });
    });
    await copy();
    await home.runInside(["rm", "other", "--store", to]);
    const { code, stdout } = await copy();
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /difference: \S+ other: It was dropped at the target by .*, and is not brought back\.\n/,
    );
    expect(stdout).toMatch(/differences in 2 sessions/);
  });

  test("prints one JSON document", async () => {
    const { stdout } = await copy("--json");
    const report = JSON.parse(stdout) as { schemaVersion: number; parity: { differing: number } };
    expect(report).toMatchObject({ schemaVersion: 1, stopped: false, parity: { differing: 0, logs: 4 } });
  });

  test("shows a bar with rate and time left on a terminal", async () => {
    const { stderr } = await home.runInside(["copy", "--from", from, "--to", to], {
      terminal: { columns: 120 },
    });
    expect(stderr).toMatch(/Copying [█░]+ \d+ % of .*B, .*B\/s/);
  });

  test("stops at Ctrl-C, says how to go on, and goes on from there", async () => {
    const text = "x".repeat(30_000);
    const entries = Array.from({ length: 300 }, (_, n) => ({ body: JSON.stringify({ n, text }) }));
    await withStoreOf(home, async (store) => {
      for (const session of ["a", "b", "c", "d", "e", "f"])
        await store.append({ log: { project, session, log: "" }, entries });
    });
    const ended = copy();
    while (!existsSync(to)) await new Promise((resolve) => setImmediate(resolve));
    process.emit("SIGINT");
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    const [, again = ""] = /Go on with: holdfast (.* --resume)\n/.exec(stderr) ?? [];
    const resumed = await home.runInside(again.split(" "));
    expect(resumed.stdout).toMatch(/The same at the target: 7 sessions/);
    expect(resumed.code).toBe(0);
  });

  test("takes only what was written since, as list does", async () => {
    expect((await copy("--since", "2999-01-01")).stdout).toMatch(/0 new entries/);
    const { code, stderr } = await copy("--since", "soon");
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--since is no time: soon/)]);
  });
});

describe("parity", () => {
  test("gives every log with counts, bytes and digest in one JSON document", async () => {
    await copy();
    const { code, stdout } = await parity("--json");
    const found = JSON.parse(stdout) as { logs: { from: { sha256: string }; to: unknown }[] };
    expect(found.logs.length).toBe(4);
    for (const { from: here, to: there } of found.logs) {
      expect(here.sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(there).toEqual(here);
    }
    expect(code).toBe(0);
  });

  test("ends with 3 where they differ, and changes neither", async () => {
    await copy();
    await home.runInside(["rm", first, "--log", "subagents/agent-abc123", "--store", to]);
    const before = [rowsIn(from), rowsIn(to)];
    const { code, stdout } = await parity();
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /^difference: .*Log subagents\/agent-abc123 is not at the target\.\n2 differences in 1 session/m,
    );
    expect([rowsIn(from), rowsIn(to)]).toEqual(before);
  });

  test("makes no store", async () => {
    const before = snapshot(home.folder);
    const { code } = await parity();
    expect(code).toBe(1);
    expect(Object.keys(snapshot(home.folder))).toEqual(Object.keys(before));
  });
});

describe("both refuse", () => {
  test.each([
    ["the same store", () => [from, from], 2, /same store/],
    ["the same file by a link", () => [from, linked()], 2, /same store/],
    ["the same file by a hard link", () => [from, hardLinked()], 2, /same store/],
    ["a scheme of no driver", () => [from, "mysql://u:secret@h/x"], 2, /names no driver(?!.*secret)/],
    ["a store in memory", () => [from, "memory:"], 2, /ends with the command/],
    ["an empty name", () => [from, ""], 2, /--to is empty/],
    ["a target that a later Holdfast made", () => [from, newer()], 1, /later|newer/],
    [
      "a target that is no store",
      () => [from, home.write("notes.txt", "only notes\n".repeat(300))],
      1,
      /not an SQLite/,
    ],
    ["a target that cannot be made", () => [from, join(from, "below.db")], 1, /holdfast\.db/],
    ["a source that is not there", () => [join(home.folder, "none.db"), to], 1, /no store at/],
  ] as const)("%s, and change nothing", async (_, stores, expected, message) => {
    const [source = "", target = ""] = stores();
    const before = rowsIn(from);
    for (const verb of ["copy", "parity"]) {
      const { code, stdout, stderr } = await home.runInside([verb, "--from", source, "--to", target]);
      expect(stderr).toMatch(message);
      expect([code, stdout]).toEqual([expected, ""]);
    }
    expect(rowsIn(from)).toBe(before);
  });

  test("--store beside the two names", async () => {
    const { code, stderr } = await copy("--store", from);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/--from and --to/)]);
  });
});

function linked(): string {
  const path = join(home.folder, "link.db");
  symlinkSync(from, path);
  return path;
}

function hardLinked(): string {
  const path = join(home.folder, "hard.db");
  linkSync(from, path);
  return path;
}

function newer(): string {
  const path = join(home.folder, "newer.db");
  copyFileSync(from, path);
  const file = new DatabaseSync(path);
  file.exec("INSERT INTO migration VALUES (99, 'later', 'x', 0); PRAGMA user_version = 99");
  file.close();
  return path;
}

function rowsIn(path: string): string {
  const file = new DatabaseSync(path, { readOnly: true });
  try {
    const tables = file.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").all();
    return JSON.stringify(
      tables.map(({ name }) => [name, file.prepare(`SELECT * FROM "${String(name)}"`).all()]),
    );
  } finally {
    file.close();
  }
}
