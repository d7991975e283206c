import type { SuiteRunner } from "../store-suite/harness.ts";
import { abortTests } from "./abort.ts";
import { closeTests } from "./close.ts";
import { entryTests } from "./entries.ts";
import { eventTests } from "./events.ts";
import { failureTests } from "./failure.ts";
import { historyTests } from "./history.ts";
import { leftoverTests } from "./leftovers.ts";
import { resumeTests } from "./resume.ts";
import { sessionTests } from "./sessions.ts";
import { Stage } from "./stage.ts";
import { textTests } from "./text.ts";
import { toolTests } from "./tools.ts";
import { usageTests } from "./usage.ts";
import type { AgentTests } from "./tests.ts";
import type { AgentWorld, SuiteWorker } from "./world.ts";

export type {
  AgentPrompts,
  AgentWorld,
  SuiteEnded,
  SuitePrompt,
  SuiteWorker,
  SuiteWorkerParams,
} from "./world.ts";

/** What {@link agentSuite} needs: a runner, the runtime's worker, and how to make a world around the agent. */
export interface AgentSuiteParams {
  readonly runner: SuiteRunner;
  /** `Worker` of `holdfast/runtime`. */
  readonly worker: SuiteWorker;
  /** Makes a new world; called once a test. */
  readonly open: () => Promise<AgentWorld>;
  /** At how many moments of one turn it is aborted; default: behind each of its steps. */
  readonly moments?: number;
}

/** Declares the tests that every agent must pass. */
export function agentSuite({ runner, worker, open, moments = Infinity }: AgentSuiteParams): void {
  const tests: AgentTests = {
    moments,
    describe: (title, body) => void runner.describe(title, body),
    test: (title, body) =>
      void runner.test(title, async () => {
        const stage = new Stage({ world: await open(), worker });
        try {
          await body(stage);
        } finally {
          await stage.close();
        }
      }),
  };
  for (const declare of concerns) declare(tests);
}

const concerns: readonly ((tests: AgentTests) => void)[] = [
  eventTests,
  entryTests,
  textTests,
  toolTests,
  usageTests,
  resumeTests,
  sessionTests,
  failureTests,
  abortTests,
  historyTests,
  leftoverTests,
  closeTests,
];
