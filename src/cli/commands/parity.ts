import type { LogParity } from "../../runtime/compare-session.ts";
import { compareStores, type ParityReport } from "../../runtime/parity.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { jsonForPeople, schemaVersion, write } from "../output.ts";
import { parityLines } from "../parity-report.ts";
import { type TwoStoresOption, withTwoStores } from "../store.ts";

/** Compares two stores and ends with 3 where they differ. */
export async function parity(_: readonly string[], options: ParityOptions): Promise<ExitCode> {
  const { project, json = false } = options;
  const only = project === undefined ? {} : { project };
  const report = await withTwoStores(options, false, (stores) =>
    json ? writeJsonOf(stores, only) : compareStores({ ...stores, ...only }),
  );
  if (!json) await write(`${parityLines(report).join("\n")}\n`);
  return report.differing > 0 ? exitCodes.problems : exitCodes.ok;
}

interface ParityOptions extends TwoStoresOption {
  readonly project?: string;
  readonly json?: true;
}

/** One document, written log by log: a store may have more of them than memory holds. */
async function writeJsonOf(
  stores: Pick<Parameters<typeof compareStores>[0], "from" | "to">,
  only: { readonly project?: string },
): Promise<ParityReport> {
  const { from, to } = stores;
  const head = jsonForPeople(JSON.stringify({ schemaVersion, from: from.url, to: to.url }));
  await write(`${head.slice(0, -1)},"logs":[`);
  let comma = "";
  const onLog = async (log: LogParity): Promise<void> => {
    await write(`${comma}${jsonForPeople(JSON.stringify(log))}`);
    comma = ",";
  };
  const report = await compareStores({ ...stores, ...only, onLog });
  await write(`],"report":${jsonForPeople(JSON.stringify(report))}}\n`);
  return report;
}
