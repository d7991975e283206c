import { runHook } from "./hook-process.ts";

// A process of its own, from dist/git-hook.js. Whatever goes wrong, neither git nor an agent is to hear of it.
await runHook(process.argv.slice(2)).catch(() => undefined);
