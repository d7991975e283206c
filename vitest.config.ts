import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    exclude: ["**/node_modules/**", "test/e2e/**"],
    globalSetup: "test/postgres/server.ts",
    pool: "forks",
    // The default leaves one core idle.
    maxWorkers: availableParallelism(),
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ["default", "./scripts/summary-reporter.js"],
    coverage: {
      include: ["src/core/**"],
      exclude: ["src/**/*.test.ts"],
      thresholds: { "src/core/**": { 100: true } },
    },
  },
});
