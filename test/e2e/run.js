// Installs the real SDK in both versions, here and not in the root because of its size, and tests against them.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const here = import.meta.dirname;
const root = join(here, "../..");
const bin = (name) => join(root, "node_modules", name);

for (const folder of [here, join(here, "sdk-0.3.159")])
  run("npm", ["install", "--no-audit", "--no-fund"], { cwd: folder });
// The command line is tested as it is built.
node(join(root, "scripts/build.js"));
node(bin("typescript/bin/tsc"), "--noEmit", "--project", here);
node(bin("vitest/vitest.mjs"), "run", "--config", join(here, "vitest.config.ts"), ...process.argv.slice(2));
console.log("The end-to-end tests passed on both SDK versions.");

function node(script, ...args) {
  // The project's own Node, whichever one has started this file.
  run(bin("node/bin/node"), [script, ...args], { cwd: root });
}

function run(command, args, { cwd }) {
  const { status, error } = spawnSync(command, args, { cwd, stdio: "inherit" });
  if (status === 0) return;
  console.error(
    `The end-to-end tests failed: ${[command, ...args].join(" ")}${error ? ` (${error.message})` : ""}`,
  );
  process.exit(1);
}
