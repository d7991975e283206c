// A process that appends until it is told to stop; prints a line only after a batch was acknowledged.
import { writeSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { isHoldfastError } from "../../src/core/errors.ts";
import type { AppendParams, AppendResult } from "../../src/core/store.ts";
import { openPostgresStore } from "../../src/stores/postgres/index.ts";

const [url, worker, sessions] = process.argv.slice(2) as [string, string, string];
const store = await openPostgresStore({ url, connections: 3 });
let isOver = false;
process.stdin.on("data", () => (isOver = true));
process.stdin.on("end", () => process.exit(1));

async function appendAgain(params: AppendParams): Promise<AppendResult & { readonly failures: string[] }> {
  const failures: string[] = [];
  for (;;) {
    try {
      return { ...(await store.append(params)), failures };
    } catch (error) {
      if (!isHoldfastError(error) || !error.retryable) throw error;
      failures.push(error.code);
      await setTimeout(20);
    }
  }
}

async function work(lane: number): Promise<void> {
  for (let batch = 0; !isOver; batch += 1) {
    const names = [`own-${worker}-${lane}`, `shared-${batch % Number(sessions)}`];
    const session = names[batch % 2]!;
    const entries = [0, 1, 2].map((index) => {
      const uuid = `${worker}-${lane}-${batch}-${index}`;
      return { uuid, body: JSON.stringify({ uuid, text: "x".repeat(300) }) };
    });
    const { to, failures } = await appendAgain({ log: { project: "chaos", session, log: "" }, entries });
    const first = entries[0]!.uuid;
    writeSync(1, `${JSON.stringify({ session, first, to, failures })}\n`);
  }
}

await Promise.all([0, 1].map(work));
await store.close();
process.stdin.destroy();
