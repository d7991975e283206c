import { spawnSync } from "node:child_process";
import { cpSync, globSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { build } from "rolldown";

const root = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);

rmSync(join(root, "dist"), { recursive: true, force: true });
compileLibrary();
await bundleCli();
await bundleProcesses();
copyMigrations();

function compileLibrary() {
  const tsc = join(dirname(require.resolve("typescript/package.json")), "bin/tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
}

// A command pays for each file that it loads. A store's part stays in the store's folder, where its migrations are, and
// the Claude backend's where the program is that it starts.
async function bundleCli() {
  const licence = readFileSync(join(root, "node_modules/commander/LICENSE"), "utf8");
  await build({
    cwd: root,
    input: { "cli/main": "src/cli/main.ts" },
    platform: "node",
    external: ["@anthropic-ai/claude-agent-sdk", "postgres"],
    logLevel: "warn",
    preserveEntrySignatures: "allow-extension",
    output: {
      dir: "dist",
      format: "esm",
      entryFileNames: "[name].js",
      chunkFileNames: ({ name }) => (/^(stores|agents)\//.test(name) ? "[name].js" : "cli/[name].js"),
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [
          { debugName: "store", name: storeOf, test: /[\\/]src[\\/]stores[\\/]/ },
          {
            debugName: "claude",
            name: "agents/claude/backend/cli",
            test: /[\\/]src[\\/]agents[\\/]claude[\\/]backend[\\/]/,
          },
        ],
      },
      banner: `/*! With commander inside:\n${licence}*/`,
    },
  });
}

// Each runs as a process of its own, from a file that others name. Bundled alone: what shared a chunk with it would run
// it in its own process, and a hook of git or of an agent is waited for.
async function bundleProcesses() {
  for (const [name, file] of [
    ["cli/reaper-process", "src/agents/claude/backend/reaper-process.ts"],
    ["git-hook", "src/git/flow/hook-main.ts"],
  ])
    await build({
      cwd: root,
      input: { [name]: file },
      platform: "node",
      logLevel: "warn",
      output: { dir: "dist", format: "esm", entryFileNames: "[name].js" },
    });
}

/** @param {string} module the path of a file of src/stores */
function storeOf(module) {
  return `stores/${/stores[\\/]([^\\/]+)/.exec(module)?.[1]}/cli`;
}

// The compiler carries only TypeScript; the stores read their migrations from disk beside the compiled files.
function copyMigrations() {
  for (const file of globSync("src/**/migrations/*.sql", { cwd: root })) {
    cpSync(join(root, file), join(root, file.replace(/^src/, "dist")));
  }
}
