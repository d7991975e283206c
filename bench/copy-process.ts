// Copies a SQLite store to a PostgreSQL one in a process of its own, and prints how long that took and the memory it needed.
import { copyStore } from "../src/runtime/copy.ts";
import { openPostgresStore } from "../src/stores/postgres/index.ts";
import { openSqliteStore } from "../src/stores/sqlite/index.ts";

const [path, url] = process.argv.slice(2);
const from = openSqliteStore({ path: path!, create: false });
const to = await openPostgresStore({ url: url! });
const start = performance.now();
let comparedFrom = 0;
const { parity } = await copyStore({
  from,
  to,
  onProgress: ({ phase }) => {
    if (phase === "comparing" && comparedFrom === 0) comparedFrom = performance.now();
  },
});
const end = performance.now();
await Promise.all([from.close(), to.close()]);
const report = {
  bytes: parity!.bytes,
  differing: parity!.differing,
  copyMs: comparedFrom - start,
  compareMs: end - comparedFrom,
  rssMb: process.resourceUsage().maxRSS / 1024,
};
console.log(JSON.stringify(report));
