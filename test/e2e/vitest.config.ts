import { join } from "node:path";
import { defineConfig } from "vitest/config";

const root = join(import.meta.dirname, "../..");

export default defineConfig({
  root,
  test: {
    include: ["test/e2e/*.e2e.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    reporters: ["default", "./scripts/summary-reporter.js"],
  },
});
