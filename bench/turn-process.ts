// A worker process of its own on a PostgreSQL store, which works until its input ends.
import { writeSync } from "node:fs";
import { Worker } from "../src/runtime/worker.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { saying, small } from "./turn.ts";

const [url, owner, maxRuns] = process.argv.slice(2) as [string, string, string];
const store = await openPostgresStore({ url });
const worker = new Worker({
  store,
  agents: [saying(small)],
  owner,
  maxRuns: Number(maxRuns),
  onError: (error) => console.error(error),
  onEnd: (claim, ended) => {
    if (ended.as !== "committed") console.error(claim.run.id, ended);
  },
});
const working = worker.run();
writeSync(1, "ready\n");
for await (const _ of process.stdin);
await worker.stop();
await working;
await store.close();
