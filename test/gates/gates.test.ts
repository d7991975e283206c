import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { sandbox } from "./sandbox.ts";

const manifest = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");
const brokenManifest = manifest
  .replace('"./dist/claude.js"', '"./dist/claud.js"')
  .replace('"./dist/testing.d.ts"', '"./dist/testin.d.ts"');

interface Planted {
  readonly title: string;
  readonly gate: string;
  readonly files: Record<string, string>;
  readonly says: RegExp;
}

const forbidden = (path: string): RegExp => lintError(path, "no-restricted-imports");

function lintError(path: string, rule: string): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.")}:\\d.*\\[Error/[^\\]]*\\(${rule}\\)`, "m");
}

const violations: readonly Planted[] = [
  {
    title: "The linter stops core from importing node:fs.",
    gate: "lint",
    files: { "src/core/disk.ts": 'export { constants } from "node:fs/promises";\n' },
    says: forbidden("src/core/disk.ts"),
  },
  {
    title: "The linter stops a store from importing another store.",
    gate: "lint",
    files: { "src/stores/sqlite/sibling.ts": 'export { memory as sqlite } from "../memory/index.ts";\n' },
    says: forbidden("src/stores/sqlite/sibling.ts"),
  },
  {
    title: "The linter stops a file deep inside a store from importing another store.",
    gate: "lint",
    files: { "src/stores/sqlite/deep/x.ts": 'export { memory } from "../../../stores/memory/index.ts";\n' },
    says: forbidden("src/stores/sqlite/deep/x.ts"),
  },
  {
    title: "The linter stops a store from loading a database's library where it opens no connection.",
    gate: "lint",
    files: { "src/stores/postgres/other.ts": 'export { default as other } from "postgres";\n' },
    says: forbidden("src/stores/postgres/other.ts"),
  },
  {
    title: "The linter stops an agent from importing a store.",
    gate: "lint",
    files: {
      "src/agents/claude/stored.ts": 'export { memory as agent } from "../../stores/memory/index.ts";\n',
    },
    says: forbidden("src/agents/claude/stored.ts"),
  },
  {
    title: "The linter stops an adapter from importing an entry file.",
    gate: "lint",
    files: { "src/agents/claude/entry.ts": 'export { suite as agent } from "../../testing.ts";\n' },
    says: forbidden("src/agents/claude/entry.ts"),
  },
  {
    title: "The linter stops runtime from importing http.",
    gate: "lint",
    files: { "src/runtime/other.ts": 'export { http } from "../http/index.ts";\n' },
    says: forbidden("src/runtime/other.ts"),
  },
  {
    title: "The linter stops git from importing runtime.",
    gate: "lint",
    files: { "src/git/runs.ts": 'export { run as git } from "../runtime/run.ts";\n' },
    says: forbidden("src/git/runs.ts"),
  },
  {
    title: "The linter stops http from importing a store.",
    gate: "lint",
    files: { "src/http/stored.ts": 'export { memory as http } from "../stores/memory/index.ts";\n' },
    says: forbidden("src/http/stored.ts"),
  },
  {
    title: "The linter stops the published suites from importing a store.",
    gate: "lint",
    files: { "src/testing/stored.ts": 'export { memory as suite } from "../stores/memory/index.ts";\n' },
    says: forbidden("src/testing/stored.ts"),
  },
  {
    title: "The linter stops the published suites from importing a test runner.",
    gate: "lint",
    files: { "src/testing/bound.ts": 'export { it as suite } from "vitest";\n' },
    says: forbidden("src/testing/bound.ts"),
  },
  {
    title: "The linter finds an import cycle.",
    gate: "lint",
    files: { "src/core/two.ts": 'import { one } from "./one.ts";\n\nexport const two: number = one + 1;\n' },
    says: lintError("src/core/two.ts", "no-cycle"),
  },
  {
    title: "The linter finds a floating promise.",
    gate: "lint",
    files: {
      "src/runtime/floating.ts": 'export function run(): void {\n  Promise.reject(new Error("lost"));\n}\n',
    },
    says: lintError("src/runtime/floating.ts", "no-floating-promises"),
  },
  {
    title: "The linter finds a function of more than sixty lines.",
    gate: "lint",
    files: { "src/runtime/whale.ts": `export function run(): void {\n${"  console.log();\n".repeat(60)}}\n` },
    says: lintError("src/runtime/whale.ts", "max-lines-per-function"),
  },
  {
    title: "The linter finds a file of more than four hundred lines.",
    gate: "lint",
    files: { "src/runtime/endless.ts": `export const run = 1;\n${"console.log();\n".repeat(401)}` },
    says: lintError("src/runtime/endless.ts", "max-lines"),
  },
  {
    title: "The formatter finds wrong spacing.",
    gate: "format:check",
    files: { "src/core/two.ts": "export const two=2\n" },
    says: /src\/core\/two\.ts/,
  },
  {
    title: "The dead-code search finds an export that nothing imports.",
    gate: "knip",
    files: { "src/core/two.ts": "export const two = 2;\nexport const three = 3;\n" },
    says: /Unused exports[^]*three/,
  },
  {
    title: "The dead-code search finds a file that nothing imports.",
    gate: "knip",
    files: { "src/core/three.ts": "export const three = 3;\n" },
    says: /Unused files[^]*three\.ts/,
  },
  {
    title: "The compiler finds a type error.",
    gate: "types",
    files: { "src/core/two.ts": 'export const two: number = "2";\n' },
    says: /TS2322/,
  },
  {
    title: "The coverage gate finds a line of core that no test runs.",
    gate: "coverage",
    files: { "src/core/three.ts": "export function three(): number {\n  return 3;\n}\n" },
    says: /does not meet[^]*threshold/,
  },
  {
    title: "The package check finds an exports line that names no built file.",
    gate: "package:check",
    files: { "package.json": brokenManifest },
    says: /claud\.js/,
  },
  {
    title: "The package check finds an exports line that names no types.",
    gate: "package:check",
    files: { "package.json": brokenManifest },
    says: /testin\.d\.ts/,
  },
];

const gates = [...new Set(violations.map(({ gate }) => gate))];

describe("Every gate passes the clean tree.", { timeout: 240_000 }, () => {
  it.concurrent.each(gates)("The gate %s passes when nothing is planted.", async (gate) => {
    await using copy = sandbox();
    await buildIfNeeded(copy, gate);
    expect(await copy.script(gate)).toMatchObject({ code: 0 });
  });
});

// One run of a gate finds all that is planted for it: each says where it found what.
describe.each(gates)("The gate %s fails on each planted violation.", { timeout: 240_000 }, (gate) => {
  const planted = violations.filter((violation) => violation.gate === gate);
  let found: { readonly code: number | null; readonly output: string };

  beforeAll(async () => {
    await using copy = sandbox();
    await buildIfNeeded(copy, gate);
    for (const { files } of planted) for (const [path, text] of Object.entries(files)) copy.write(path, text);
    found = await copy.script(gate, gate === "lint" ? ["--", "--format=unix"] : []);
  }, 240_000);

  it.each(planted)("$title", ({ says }) => {
    expect(found.output).toMatch(says);
    expect(found.code).not.toBe(0);
  });
});

async function buildIfNeeded(copy: ReturnType<typeof sandbox>, gate: string): Promise<void> {
  if (gate === "package:check") expect(await copy.script("build")).toMatchObject({ code: 0 });
}
