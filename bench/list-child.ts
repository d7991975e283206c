// Lists all sessions of a store in a process of its own, and prints how long that took and how much memory it needed.
import { openSqliteStore } from "../src/stores/sqlite/index.ts";
import { median } from "./measure.ts";

const store = openSqliteStore({ path: process.argv[2]!, create: false });
const times: number[] = [];
let sessions = 0;
for (let round = 0; round < 15; round += 1) {
  const start = performance.now();
  sessions = 0;
  let cursor: string | undefined;
  do {
    const page = await store.sessions({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
    sessions += page.sessions.length;
    cursor = page.cursor;
  } while (cursor !== undefined);
  times.push(performance.now() - start);
}
await store.close();
const rssMb = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ sessions, firstMs: times[0], medianMs: median(times), rssMb }));
