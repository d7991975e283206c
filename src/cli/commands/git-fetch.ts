import { type Discovery, discover } from "../../git/push/discover.ts";
import { fetchAll, fetchCheckpoints } from "../../git/push/fetch.ts";
import type { FetchReport } from "../../git/push/fetch-refs.ts";
import { shown, usage, wholeNumber } from "../arguments.ts";
import { counted } from "../columns.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { withRepository } from "../git-repository.ts";
import { harmlessLine } from "../harmless.ts";
import { write, writeJson } from "../output.ts";
import { remoteFor } from "./git-push.ts";

/** Fetches checkpoints by their ids, or all; without either it only tells what the remote has. Ends with 3 where one is not to be had. */
export async function fetchSessions(ids: readonly string[], options: FetchOptions): Promise<ExitCode> {
  if (ids.length > 0 && options.all === true)
    throw usage("Ids and --all are given together.", "Give the ids that are wanted, or --all.");
  const timeoutMs = wholeNumber(options.timeout ?? "600", "--timeout", 1, 86_400) * 1000;
  return await withRepository(async (repository) => {
    const params = { repository, remote: await remoteFor(repository, options.remote), timeoutMs };
    if (ids.length === 0 && options.all !== true) return await tellNames(await discover(params), options);
    const report = await (options.all === true ? fetchAll(params) : fetchCheckpoints({ ...params, ids }));
    if (options.json === true) await writeJson({ fetch: report });
    else await write(`${linesOf(report).join("\n")}\n`);
    return report.absent.length + report.failed.length === 0 ? exitCodes.ok : exitCodes.problems;
  });
}

interface FetchOptions {
  readonly remote?: string;
  readonly all?: true;
  readonly timeout?: string;
  readonly json?: true;
}

async function tellNames(found: Discovery, { json }: FetchOptions): Promise<ExitCode> {
  const { same, ...rest } = found;
  if (json === true) await writeJson({ discovery: { ...rest, same: same.length } });
  else await write(`${discoveryLines(found).join("\n")}\n`);
  return exitCodes.ok;
}

function discoveryLines({ remote, absent, differing, same, shared }: Discovery): readonly string[] {
  const all = absent.length + differing.length + same.length;
  const lines = [
    `${harmlessLine(remote)} has ${counted(all, "checkpoint")}; ${absent.length.toLocaleString("en-US")} of them are not here.`,
  ];
  for (const id of absent.slice(0, shownIds)) lines.push(`  ${id}`);
  if (absent.length > shownIds) lines.push(`  and ${counted(absent.length - shownIds, "other")}`);
  if (differing.length > 0)
    lines.push(
      `${counted(differing.length, "checkpoint")} ${differing.length === 1 ? "differs" : "differ"} from what is here.`,
    );
  for (const name of shared) lines.push(`${name} is not here as it is there.`);
  const isAll = absent.length + differing.length + shared.length === 0;
  return isAll
    ? lines
    : [...lines, "Fetch some with holdfast git fetch <id>…, or all with holdfast git fetch --all."];
}

const shownIds = 20;

function linesOf({ remote, fetched, present, absent, failed }: FetchReport): readonly string[] {
  const here =
    present.length === 0
      ? ""
      : `, ${counted(present.length, "other")} ${present.length === 1 ? "was" : "were"} here`;
  return [
    `Fetched ${fetched.length.toLocaleString("en-US")} from ${harmlessLine(remote)}${here}.`,
    ...absent.map((name) => `${shown(name)}: the remote has none of that name.`),
    ...failed.map(({ name, reason }) => `${shown(name)}: it could not be taken: ${harmlessLine(reason)}`),
  ];
}
