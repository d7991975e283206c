// A process that appends through a spool until it is killed; prints a line only after a batch was acknowledged.
import { writeSync } from "node:fs";
import { spooled } from "../../src/open-spool.ts";
import { layered } from "../../src/runtime/layered-store.ts";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

const [path, dir, round, ending] = process.argv.slice(2) as [string, string, string, string];
const far = openSqliteStore({ path });
let calls = 0;
// A line that is cut now and then, before the store has heard of it or after.
const line = layered(far, {
  append: async (params) => {
    calls += 1;
    if (calls % 5 === 1) throw new Error("cut before");
    const result = await far.append(params);
    if (calls % 5 === 3) throw new Error("cut after");
    return result;
  },
});
const store = await spooled(line, { dir, retryMs: 1, longestRetryMs: 4, closeWithinMs: 20_000 });
writeSync(1, "open\n");
if (ending === "ends") {
  while (store.status().depth.entries > 0) await store.drain().catch(() => undefined);
  await store.close();
} else {
  for (let batch = 0; ; batch += 1) {
    const log = `s${batch % 3}`;
    const entries = [0, 1].map((index) => ({
      // Every second entry has no uuid of its own.
      ...(index === 0 ? { uuid: `${round}-${batch}` } : {}),
      body: JSON.stringify({ round, batch, index, text: "x".repeat(300) }),
    }));
    await store.append({ log: { project: "chaos", session: log, log: "" }, entries });
    writeSync(1, `${JSON.stringify({ log, round, batch })}\n`);
  }
}
