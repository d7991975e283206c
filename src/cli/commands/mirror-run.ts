import type { MirrorLag } from "../../runtime/mirror-feed.ts";
import { mirrored } from "../../runtime/mirrored.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write } from "../output.ts";
import { stopSignals, untilAborted } from "../stop-signals.ts";
import { type MirrorOption, withMirror } from "../store.ts";

/** Feeds a mirror until Ctrl-C, or once. */
export async function runMirror(_: readonly string[], options: RunOptions): Promise<ExitCode> {
  return await withMirror(options, true, async ({ from, to }) => {
    const stop = new AbortController();
    using _signals = stopSignals(async () => stop.abort());
    const mirror = mirrored(from, to, { flag: "dual", onLag: teller() });
    const caughtUp = await mirror.caughtUp(stop.signal);
    const { position } = await mirror.status();
    if (caughtUp) await write(`The mirror has caught up, at change ${position.toLocaleString("en-US")}.\n`);
    if (caughtUp && options.once !== true) await untilAborted(stop.signal);
    await mirror.close();
    return caughtUp ? exitCodes.ok : exitCodes.stopped;
  });
}

interface RunOptions extends MirrorOption {
  readonly once?: true;
}

/** Says what stops the mirror, once for each reason. */
function teller(): (lag: MirrorLag) => void {
  let said: string | undefined;
  return ({ behind, error }) => {
    const reason = error instanceof Error ? error.message : undefined;
    if (reason !== undefined && reason !== said)
      say(`The mirror is ${counted(behind, "change")} behind: ${harmlessLine(reason)}`);
    said = reason;
  };
}
