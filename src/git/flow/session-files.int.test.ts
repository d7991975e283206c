import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readLinkable } from "./linkable.ts";
import { SessionFiles } from "./session-files.ts";
import { mostKept, newSession, type SessionState, withFiles, withPrompt } from "./session-state.ts";
import { quotedPath, unquotedPath } from "./quoted-path.ts";

let commonDir: string;
let nowMs: number;
let files: SessionFiles;
beforeEach(() => {
  commonDir = mkdtempSync(join(tmpdir(), "holdfast-sessions-"));
  nowMs = 1_795_000_000_000;
  files = new SessionFiles({ commonDir, now: () => nowMs });
});
afterEach(() => rmSync(commonDir, { recursive: true, force: true }));

const linkable = (): string => readFileSync(join(commonDir, "holdfast/linkable"), "utf8");
const session = (sessionId: string, more: Partial<SessionState> = {}): SessionState => ({
  ...newSession({ sessionId, agent: "claude-code", worktree: "@", worktreePath: "/w" }, nowMs),
  ...more,
});
const put = (state: SessionState): unknown => files.change(state.sessionId, () => state);

describe("the state of a session", () => {
  it("comes back as it was stored, readable by nobody else", () => {
    const state = session("s-1", {
      phase: "active",
      transcriptPath: "/t.jsonl",
      filesTouched: ["a", 'b "c"\nd'],
      filesTouchedCount: 2,
      tasks: [{ toolUseId: "toolu_1", startedAtMs: 1, description: "look" }],
      owner: "12:34",
    });
    put(state);
    expect(files.read("s-1")).toEqual(state);
    expect(statSync(join(commonDir, "holdfast/sessions/s-1.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(commonDir, "holdfast/sessions")).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(commonDir, "holdfast/sessions"))).toEqual(["s-1.json"]);
  });

  it("keeps the keys of a newer version over a change", () => {
    put(session("s-1"));
    const path = join(commonDir, "holdfast/sessions/s-1.json");
    writeFileSync(path, readFileSync(path, "utf8").replace("{", '{"invented": {"later": [1]},'));
    files.change("s-1", (state) => ({ ...state!, phase: "active" }));
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({
      invented: { later: [1] },
      phase: "active",
    });
  });

  it.each(["../evil", "a/b", "", ".hidden", "a..b", "a\nb", "x".repeat(129), "a b", "a."])(
    "refuses the hostile id %j and writes nothing",
    (id) => {
      expect(() => files.change(id, () => session(id))).toThrow(/cannot be the name of a file/);
      expect(readdirSync(commonDir)).toEqual([]);
    },
  );

  it("is not read from a link, from another session's file or from what is no JSON, and those are told", () => {
    put(session("s-1"));
    const at = (name: string): string => join(commonDir, "holdfast/sessions", name);
    symlinkSync(at("s-1.json"), at("s-2.json"));
    writeFileSync(at("s-3.json"), readFileSync(at("s-1.json")));
    writeFileSync(at("s-4.json"), "{");
    writeFileSync(at("s-5.json"), JSON.stringify({ sessionId: "s-5" }));
    expect(files.list().sessions.map(({ sessionId }) => sessionId)).toEqual(["s-1"]);
    expect(files.list().unread).toEqual(["s-2.json", "s-3.json", "s-4.json", "s-5.json"]);
  });

  it("is read without harm whatever its file holds", () => {
    put(session("s-1"));
    const path = join(commonDir, "holdfast/sessions/s-1.json");
    const known = { sessionId: "s-1", worktree: "@", worktreePath: "/w" };
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...Object.keys(session("x")), "owner", "rest"), fc.jsonValue()),
        (any) => {
          writeFileSync(path, JSON.stringify({ ...any, ...known }));
          const state = files.read("s-1")!;
          put(state);
          expect({ ...files.read("s-1")! }).toEqual(state);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("keeps no more than its share of files and prompts, and how many there were", () => {
    const many = Array.from({ length: mostKept.files + 10 }, (_, at) => `f${at}`);
    const state = withFiles(session("s-1"), [...many, "f0"]);
    expect([state.filesTouched.length, state.filesTouchedCount]).toEqual([
      mostKept.files,
      mostKept.files + 10,
    ]);
    const asked = Array.from({ length: 210 }, (_, at) => `p${at}`).reduce(
      (before, prompt, at) => withPrompt(before, prompt, { atMs: at, turn: "t" }),
      state,
    );
    expect([asked.prompts.length, asked.prompts[0], asked.promptCount]).toEqual([200, "p10", 210]);
  });

  it("goes when nobody heard of it for seven days, and so does its line", () => {
    put(session("old", { phase: "active" }));
    put(session("new", { phase: "active", lastInteractionAtMs: nowMs + 2 * 86_400_000 }));
    nowMs += 8 * 86_400_000;
    expect(files.dropStale()).toEqual(["old"]);
    expect(files.list().sessions.map(({ sessionId }) => sessionId)).toEqual(["new"]);
    expect(readLinkable(linkable()).map(({ sessionId }) => sessionId)).toEqual(["new"]);
  });
});

describe("what the git hooks read", () => {
  it("names the sessions that have something to commit, and is empty without any", () => {
    put(session("idle"));
    expect(linkable()).toBe("");
    put(session("busy", { phase: "active", owner: "7:9", worktree: "w-2" }));
    put(session("left", { filesTouched: ["a b", "ü\n"], filesTouchedCount: 2 }));
    expect(linkable()).toBe(
      `s busy active 1795000000 w-2 7:9\ns left idle 1795000000 @ -\nf a b\nf "\\303\\274\\n"\n`,
    );
    expect(readLinkable(linkable())[1]).toMatchObject({ sessionId: "left", filesTouched: ["a b", "ü\n"] });
    files.change("busy", () => undefined);
    files.change("left", (state) => ({ ...state!, filesTouched: [] }));
    expect(linkable()).toBe("");
  });

  it("is the same again when it is built from the sessions", () => {
    for (const id of ["a", "b", "c"]) put(session(id, { filesTouched: [id] }));
    const before = linkable();
    rmSync(join(commonDir, "holdfast/linkable"));
    files.rebuildLinkable();
    expect(linkable()).toBe(before);
  });

  it("loses no session to others that change theirs at the same time", async () => {
    const program = `
      import { SessionFiles } from ${JSON.stringify(join(import.meta.dirname, "session-files.ts"))};
      import { newSession } from ${JSON.stringify(join(import.meta.dirname, "session-state.ts"))};
      const [commonDir, prefix] = process.argv.slice(-2);
      const files = new SessionFiles({ commonDir });
      for (let at = 0; at < 15; at += 1) files.change(prefix + at, () => ({
        ...newSession({ sessionId: prefix + at, agent: "a", worktree: "@", worktreePath: "/w" }, Date.now()), phase: "active" }));`;
    const children = ["x", "y", "z"].map((prefix) =>
      spawn(
        process.execPath,
        ["--no-warnings", "--input-type=module-typescript", "-e", program, "--", commonDir, prefix],
        {
          stdio: ["ignore", "ignore", "inherit"],
        },
      ),
    );
    expect(await Promise.all(children.map(async (child) => (await once(child, "close"))[0]))).toEqual([
      0, 0, 0,
    ]);
    expect(new Set(readLinkable(linkable()).map(({ sessionId }) => sessionId)).size).toBe(45);
    expect(files.list().sessions).toHaveLength(45);
  });
});

describe("a path as git prints it", () => {
  it("is one line, and comes back as it was", () => {
    fc.assert(
      fc.property(
        fc
          .string({ unit: "binary", minLength: 1 })
          .filter((text) => text.isWellFormed() && !text.startsWith('"')),
        (path) => {
          expect(quotedPath(path)).not.toMatch(/[\n\r]/);
          expect(unquotedPath(quotedPath(path))).toBe(path);
        },
      ),
    );
  });
});
