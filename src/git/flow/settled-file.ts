import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when nobody has written a file for a moment, or after a while: an agent's last lines come behind its hook. */
export async function settled(path: string): Promise<void> {
  const endMs = performance.now() + maxWaitMs;
  while (performance.now() < endMs) {
    const changedMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
    const quietMs = Date.now() - changedMs;
    // A time that lies ahead is not waited for.
    if (quietMs < 0 || quietMs >= quietAfterMs) return;
    await sleep(quietAfterMs - quietMs);
  }
}

const quietAfterMs = 150;
const maxWaitMs = 3_000;
