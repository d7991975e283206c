import { afterAll, vi } from "vitest";
import { replaceEnvironment } from "./environment.ts";

// Files share a process: what one left of its environment, its handlers or its stubs would be the next one's.
const signals = ["SIGHUP", "SIGINT", "SIGTERM"] as const;
const folder = process.cwd();
const environment = { ...process.env };
const listeners = signals.map((signal) => new Set(process.listeners(signal)));

afterAll(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  process.chdir(folder);
  replaceEnvironment(environment);
  for (const [index, signal] of signals.entries())
    for (const listener of process.listeners(signal))
      if (!listeners[index]?.has(listener)) process.off(signal, listener);
});
