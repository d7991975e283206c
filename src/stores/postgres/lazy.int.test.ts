import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../../..");

// Tells each package that is asked for.
const program = (body: string): string => `
  import { registerHooks } from "node:module";
  registerHooks({ resolve(name, context, next) {
    if (name === "postgres") console.log("loads", name);
    return next(name, context);
  } });
  ${body}`;

describe("The package postgres", () => {
  it("is loaded by a store that needs it, and by nothing else.", () => {
    const sqlite = `
      const { openStore } = await import("./src/index.ts");
      await (await openStore("memory:")).close();
      await import("./src/runtime.ts");
      await import("./src/cli/run.ts");`;
    expect(printed(sqlite)).toBe("");
    const postgres = `
      const { openStore } = await import("./src/index.ts");
      await openStore("postgres://127.0.0.1:1/none").catch(() => {});`;
    expect(printed(postgres)).toContain("loads postgres");
  });
});

function printed(body: string): string {
  const args = ["--no-warnings", "--input-type=module", "--eval", program(body)];
  return execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" });
}
