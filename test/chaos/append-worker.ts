// A process that appends until it is killed; prints a line only after a batch was acknowledged.
import { writeSync } from "node:fs";
import { openSqliteStore } from "../../src/stores/sqlite/index.ts";

const [path, worker, batches, size] = process.argv.slice(2) as [string, string, string, string];
const store = openSqliteStore({ path });
writeSync(1, "open\n");
for (let batch = 0; batch < Number(batches); batch += 1) {
  const entries = Array.from({ length: Number(size) }, (_, index) => {
    const uuid = `${worker}-${batch}-${index}`;
    return { uuid, body: JSON.stringify({ uuid, worker, batch, index, text: "x".repeat(200 + index) }) };
  });
  const { from, to } = await store.append({ log: { project: "chaos", session: "shared", log: "" }, entries });
  writeSync(1, `${JSON.stringify({ worker, batch, from, to })}\n`);
}
await store.close();
