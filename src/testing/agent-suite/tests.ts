import type { Stage } from "./stage.ts";

/** What the tests of a concern are written against: each test gets a fresh stage, closed when it ends. */
export interface AgentTests {
  /** At how many moments of one turn it is aborted. */
  readonly moments: number;
  readonly describe: (title: string, body: () => void) => void;
  readonly test: (title: string, body: (stage: Stage) => Promise<void>) => void;
}
