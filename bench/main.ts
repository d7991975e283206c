import { mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { benchAppend } from "./append.ts";
import { benchClaudeTurn } from "./claude-turn.ts";
import { benchGitContent } from "./git-content.ts";
import { benchGitPush } from "./git-push.ts";
import { benchGitHooks } from "./git-hooks.ts";
import { benchGroup } from "./group.ts";
import { benchGitList } from "./git-list.ts";
import { benchGitObjects } from "./git-objects.ts";
import { benchGrowth } from "./growth.ts";
import { benchImport } from "./import.ts";
import { benchList } from "./list.ts";
import { benchLoad } from "./load.ts";
import { printRows, type Row } from "./measure.ts";
import { benchPostgresAppend } from "./postgres-append.ts";
import { benchPostgresCopy } from "./postgres-copy.ts";
import { benchPostgresList } from "./postgres-list.ts";
import { benchPostgresLoad } from "./postgres-load.ts";
import { benchPostgresTurns } from "./postgres-turns.ts";
import { benchPostgresWatch } from "./postgres-watch.ts";
import { benchReconcile } from "./reconcile.ts";
import { benchReplay } from "./replay.ts";
import { benchSpool } from "./spool.ts";
import { benchTurn } from "./turn.ts";

const benches: Record<string, (folder: string) => Promise<Row[]>> = {
  append: benchAppend,
  group: benchGroup,
  load: benchLoad,
  import: benchImport,
  list: benchList,
  growth: benchGrowth,
  reconcile: benchReconcile,
  replay: benchReplay,
  turn: benchTurn,
  "claude-turn": benchClaudeTurn,
  "postgres-append": benchPostgresAppend,
  "postgres-load": benchPostgresLoad,
  "postgres-list": benchPostgresList,
  "postgres-copy": benchPostgresCopy,
  "postgres-watch": benchPostgresWatch,
  "postgres-turns": benchPostgresTurns,
  spool: benchSpool,
  "git-hooks": benchGitHooks,
  "git-content": benchGitContent,
  "git-objects": benchGitObjects,
  "git-list": benchGitList,
  "git-push": benchGitPush,
};

// Until all is measured: one that waits for nothing any more has failed too.
process.exitCode = 1;
const wanted = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
try {
  const rows: Row[] = [];
  for (const [name, bench] of Object.entries(benches)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    process.stderr.write(`${name}…\n`);
    rows.push(...(await bench(folder)));
  }
  console.log(
    `Node ${process.versions.node}, SQLite ${process.versions.sqlite}, synchronous FULL, load average ${loadavg()[0]!.toFixed(1)}\n`,
  );
  printRows(rows);
  process.exitCode = 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
