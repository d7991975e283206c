import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";
import { isLong } from "./test/long.ts";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // The whole suite once more over another door or another shape of the tables: what HOLDFAST_LONG_TESTS asks for.
    exclude: ["**/node_modules/**", "test/e2e/**", ...(isLong ? [] : ["**/*.long.test.ts"])],
    globalSetup: "test/postgres/server.ts",
    setupFiles: "test/put-back.ts",
    pool: "forks",
    // A process a file costs more than most files do; what a test changes of its process is put back.
    isolate: false,
    // The default leaves one core idle.
    maxWorkers: availableParallelism(),
    // What is repeated for long is run beside much else.
    testTimeout: isLong ? 120_000 : 30_000,
    hookTimeout: 30_000,
    reporters: ["default", "./scripts/summary-reporter.js"],
    coverage: {
      include: ["src/core/**"],
      exclude: ["src/**/*.test.ts"],
      thresholds: { "src/core/**": { 100: true } },
    },
  },
});
