import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Home, snapshot } from "../../test/cli/home.ts";
import { dangerous, plain } from "../../test/cli/screen.ts";
import { first, project, second, subagent, turn, user } from "../../test/cli/transcripts.ts";

let home: Home;
const before = process.cwd();

beforeAll(async () => {
  home = new Home();
  home.transcript(project, first, turn);
  home.transcript(project, `${first}/subagents/agent-abc123`, subagent);
  home.transcript("-other", second, [user("o1", null, "Second prompt", 30)]);
  expect((await home.runInside(["import"])).code).toBe(0);
  // What an --output of garbage makes stays in the test's own folder.
  mkdirSync(join(home.folder, "work"));
  process.chdir(join(home.folder, "work"));
});

afterAll(() => {
  process.chdir(before);
  home[Symbol.dispose]();
});

const verb = fc.constantFrom(
  ...["list", "show", "tail", "export", "import", "rescue", "rm", "verify", "doctor", "completion", "start"],
  ...["help", "complete-session", "reconcile", "redispatch", "usage", "sweep"],
  ...[
    "run --agent scripted",
    "runs list",
    "runs show",
    "runs resolve",
    "runs",
    "inputs list",
    "inputs cancel",
  ],
  ...["sessions list", "sessions clear", "sessions drop", "projections list", "projections rebuild"],
  ...["projections pause", "projections resume", "projections"],
);
const flag = fc.constantFrom(
  ...["--json", "--raw", "--force", "--restore-dropped", "--recheck", "--dry-run", "--all", "--help", "-h"],
  ...[
    "--version",
    "-V",
    "--",
    "--stats",
    "--events",
    "--commit",
    "--discard",
    "--resume",
    "--new",
    "--no-wait",
    "-",
    "--json=",
    "--limit=",
    "--no-json",
    "--__proto__",
  ],
);
const valued = fc.constantFrom(
  ...[
    "--store",
    "--project",
    "--provider",
    "--title",
    "--since",
    "--limit",
    "--cursor",
    "--log",
    "--tail",
    "-n",
  ],
  ...["--lines", "--format", "-o", "--output", "--folder", "--config-dir", "--session", "--reason"],
  ...[
    "--agent",
    "--key",
    "--label",
    "--resume-key",
    "--state",
    "--by",
    "--until",
    "--prices",
    "--projections",
  ],
);
const value = fc.constantFrom(
  ...["0c8f", "0c8f2", first, second, project, "", "0", "-1", "1", "7d", "2026-11-20", "markdown", "jsonl"],
  ...["bash", "fish", "memory:", "sqlite:", "redis://x", "subagents/agent-abc123", "@import", "__proto__"],
  ...["1", "1.1", "session-statistics", "usage", "held", "queued", "label:team", "team=core", "say hi"],
  ...["fail no", "tool Read query", "day", "scripted"],
);
const garbage = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.integer({ min: 1, max: 100_000 }).map((length) => "y".repeat(length)),
);
// No NUL and no half of a pair can come through an argument; no slash, so that no file outside the test is named; no
// short option that follows, because that waits for Ctrl-C.
const text = fc
  .oneof({ weight: 3, arbitrary: value }, garbage)
  .filter((word) => word.isWellFormed() && !/\0/.test(word) && !/^-[^-]*f/.test(word))
  .filter((word) => !word.includes("/") || word.startsWith("subagents/") || word.startsWith("redis:"));
const words = fc.oneof(
  flag.map((word) => [word]),
  text.map((word) => [word]),
  valued.map((word) => [word]),
  { weight: 4, arbitrary: fc.tuple(valued, text) },
);

// Often enough that every command meets a store that is not there.
const store = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  text.map((path) => ["--store", path]),
);

describe("any command line", () => {
  it("ends with one of the five exit codes, no stack, no unknown error, no escape sequence, and reading leaves every file", async () => {
    await fc.assert(
      fc.asyncProperty(
        verb,
        store,
        fc.array(words, { maxLength: 4 }),
        fc.boolean(),
        async (name, at, rest, named) => {
          const args = [...at, ...name.split(" "), ...(named ? [first] : []), ...rest.flat()];
          // To count, a list with statistics takes the projections along.
          const isWriting = writes.has(name) || args.includes("--stats");
          const held = isWriting ? undefined : filesFor(name);
          const { code, stdout, stderr } = await home.runInside(args, { terminal: { columns: 40 } });
          expect([0, 1, 2, 3, 4]).toContain(code);
          expect(stderr).not.toMatch(/\n\s+at |HOLDFAST_DEBUG|undefined|\[object/);
          if (code === 1 || code === 2 || code === 4) expect(stderr).not.toBe("");
          if (held !== undefined) expect(filesFor(name)).toEqual(held);
          else emptyWork();
          if (name === "rm" || name === "sessions drop")
            await home.runInside(["import", "--restore-dropped", "--recheck"]);
          expect(plain(stdout + stderr)).not.toMatch(dangerous);
        },
      ),
      { numRuns: 1000, interruptAfterTimeLimit: 8000 },
    );
  });
});

const writes: ReadonlySet<string> = new Set([
  ...[
    "import",
    "rescue",
    "rm",
    "start",
    "run --agent scripted",
    "runs resolve",
    "inputs cancel",
    "reconcile",
    "redispatch",
  ],
  ...["sessions clear", "sessions drop", "usage", "sweep"],
  ...["projections rebuild", "projections pause", "projections resume"],
]);

/** Every file that a command which reads must leave as it is: all, but for what \`export --output\` makes. */
function filesFor(name: string): Record<string, string> {
  if (name === "export") emptyWork();
  return snapshot(name === "export" ? join(home.folder, ".local") : home.folder);
}

function emptyWork(): void {
  const work = join(home.folder, "work");
  for (const file of readdirSync(work)) rmSync(join(work, file), { recursive: true });
}
