import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { verifyCheckpoints } from "../../src/git/verify.ts";
import { checkpointInput, sessionInput } from "./checkpoint-data.ts";
import { layoutsUnderTest } from "./layouts.ts";
import { type Opened, openedForEach } from "./opened-repository.ts";

/** Of the checkpoint that is verified. */
export const id = "a3b2c4d5e6f7";

/** A repository of its own for each test, that may be damaged, and what puts a checkpoint there and looks at it. */
export function verifyBench(isReady: (opened: Opened) => void): VerifyBench {
  let current: Opened;
  openedForEach((opened) => isReady((current = opened)), { areDamaged: true });
  return {
    codes: async (only) => {
      const { repository } = current;
      const { findings } = await verifyCheckpoints({
        repository,
        ...(only === undefined ? {} : { id: only }),
      });
      return [...new Set(findings.map(({ code }) => code))].toSorted();
    },
    write: async (layout, changes = {}) => {
      const { repository } = current;
      const session = await sessionInput(repository, "alice", changes);
      await layoutsUnderTest[layout]!.open(repository).write(checkpointInput(id, [session]));
    },
    trailer: (checkpoint) =>
      current.place.git("commit", "-q", "--allow-empty", "-m", `Work\n\nEntire-Checkpoint: ${checkpoint}`),
    setRef: (name, target) => {
      const path = join(current.repository.commonDir, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${target}\n`);
    },
  };
}

interface VerifyBench {
  /** What is found, each kind once. */
  readonly codes: (only?: string) => Promise<readonly string[]>;
  readonly write: (layout: string, changes?: object) => Promise<void>;
  /** A commit that names a checkpoint. */
  readonly trailer: (checkpoint: string) => Promise<string>;
  /** The file of a ref, whatever it shall hold. */
  readonly setRef: (name: string, target: string) => void;
}
