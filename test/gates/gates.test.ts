import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sandbox } from "./sandbox.ts";

const manifest = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8");

interface Planted {
  readonly title: string;
  readonly gate: string;
  readonly files: Record<string, string>;
  readonly says: RegExp;
}

const forbidden = /no-restricted-imports/;

const violations: readonly Planted[] = [
  {
    title: "The linter stops core from importing node:fs.",
    gate: "lint",
    files: { "src/core/two.ts": 'export { constants as two } from "node:fs/promises";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops a store from importing another store.",
    gate: "lint",
    files: { "src/stores/sqlite/index.ts": 'export { memory as sqlite } from "../memory/index.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops a file deep inside a store from importing another store.",
    gate: "lint",
    files: { "src/stores/sqlite/deep/x.ts": 'export { memory } from "../../../stores/memory/index.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops a store from loading a database's library where it opens no connection.",
    gate: "lint",
    files: { "src/stores/postgres/other.ts": 'export { default as other } from "postgres";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops an agent from importing a store.",
    gate: "lint",
    files: {
      "src/agents/claude/index.ts": 'export { memory as agent } from "../../stores/memory/index.ts";\n',
    },
    says: forbidden,
  },
  {
    title: "The linter stops an adapter from importing an entry file.",
    gate: "lint",
    files: { "src/agents/claude/index.ts": 'export { suite as agent } from "../../testing.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops runtime from importing http.",
    gate: "lint",
    files: { "src/runtime/other.ts": 'export { http } from "../http/index.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops git from importing runtime.",
    gate: "lint",
    files: { "src/git/index.ts": 'export { run as git } from "../runtime/run.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops http from importing a store.",
    gate: "lint",
    files: { "src/http/index.ts": 'export { memory as http } from "../stores/memory/index.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops the published suites from importing a store.",
    gate: "lint",
    files: { "src/testing/suite.ts": 'export { memory as suite } from "../stores/memory/index.ts";\n' },
    says: forbidden,
  },
  {
    title: "The linter stops the published suites from importing a test runner.",
    gate: "lint",
    files: { "src/testing/suite.ts": 'export { it as suite } from "vitest";\n' },
    says: forbidden,
  },
  {
    title: "The linter finds an import cycle.",
    gate: "lint",
    files: { "src/core/two.ts": 'import { one } from "./one.ts";\n\nexport const two: number = one + 1;\n' },
    says: /no-cycle/,
  },
  {
    title: "The linter finds a floating promise.",
    gate: "lint",
    files: {
      "src/runtime/run.ts": 'export function run(): void {\n  Promise.reject(new Error("lost"));\n}\n',
    },
    says: /no-floating-promises/,
  },
  {
    title: "The linter finds a function of more than sixty lines.",
    gate: "lint",
    files: { "src/runtime/run.ts": `export function run(): void {\n${"  console.log();\n".repeat(60)}}\n` },
    says: /max-lines-per-function/,
  },
  {
    title: "The linter finds a file of more than four hundred lines.",
    gate: "lint",
    files: { "src/runtime/run.ts": `export const run = 1;\n${"console.log();\n".repeat(401)}` },
    says: /max-lines\b(?!-)/,
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
    files: { "package.json": manifest.replace('"./dist/claude.js"', '"./dist/claud.js"') },
    says: /claud\.js/,
  },
  {
    title: "The package check finds an exports line that names no types.",
    gate: "package:check",
    files: { "package.json": manifest.replace('"./dist/testing.d.ts"', '"./dist/testin.d.ts"') },
    says: /testin\.d\.ts/,
  },
];

const gates = [...new Set(violations.map(({ gate }) => gate))];

describe("Every gate passes the clean tree.", { timeout: 60_000 }, () => {
  it.concurrent.each(gates)("The gate %s passes when nothing is planted.", async (gate) => {
    await using copy = sandbox();
    await buildIfNeeded(copy, gate);
    expect(await copy.script(gate)).toMatchObject({ code: 0 });
  });
});

describe("Every gate fails on its planted violation.", { timeout: 60_000 }, () => {
  it.concurrent.each(violations)("$title", async ({ gate, files, says }) => {
    await using copy = sandbox();
    await buildIfNeeded(copy, gate);
    for (const [path, text] of Object.entries(files)) copy.write(path, text);
    const { code, output } = await copy.script(gate);
    expect(output).toMatch(says);
    expect(code).not.toBe(0);
  });
});

async function buildIfNeeded(copy: ReturnType<typeof sandbox>, gate: string): Promise<void> {
  if (gate === "package:check") expect(await copy.script("build")).toMatchObject({ code: 0 });
}
