import { kernelLock } from "../../src/git/flow/kernel-lock.ts";

// Runs as a process of its own: takes the lock and holds it until it is killed.
const lock = kernelLock(process.argv[2]!, { waitMs: 10_000 });
process.stdout.write(lock === null ? "busy\n" : "held\n");
setInterval(() => undefined, 60_000);
