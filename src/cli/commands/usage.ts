import { systemClock } from "../../core/clock.ts";
import type { Store } from "../../core/store.ts";
import type { UsageGroup, UsageParams } from "../../core/usage.ts";
import { pointInTime, shown, usage as wrongUsage } from "../arguments.ts";
import { dollars } from "../dollars.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { harmlessLine } from "../harmless.ts";
import { say, write, writeJson } from "../output.ts";
import type { PricesOption } from "../price-table.ts";
import { catchUp } from "../projections.ts";
import { table } from "../run-table.ts";
import { findSession } from "../session.ts";
import { type StoreOption, withStore } from "../store.ts";

/** Sums up what the providers' responses used and cost. */
export async function usage(_: readonly string[], options: UsageOptions): Promise<ExitCode> {
  const by = groupOf(options.by);
  const times = timesOf(options);
  const groups = await withStore(options, async (store) => {
    const session = await sessionOf(store, options);
    await catchUp(store, "usage", options);
    const project = options.project === undefined ? {} : { project: options.project };
    return await store.usage({ by, ...project, ...session, ...times });
  });
  const total = groups.reduce(sum, noUsage);
  if (options.json === true)
    await writeJson({ by: options.by, groups, total: { ...total, name: undefined } });
  else if (groups.length === 0) say("Nothing was used.");
  else await write(`${usageTable(options.by, groups, total).join("\n")}\n`);
  if (total.unpriced > 0) say(unpricedLine(total));
  return exitCodes.ok;
}

interface UsageOptions extends StoreOption, PricesOption {
  readonly by: string;
  readonly project?: string;
  readonly session?: string;
  readonly since?: string;
  readonly until?: string;
  readonly json?: true;
}

function groupOf(by: string): UsageParams["by"] {
  if (by === "day" || by === "model" || by === "project" || by === "session") return by;
  if (by.startsWith("label:") && by !== "label:") return { label: by.slice("label:".length) };
  throw wrongUsage(`--by is no group: ${shown(by)}.`, "Give day, model, project, session or label:NAME.");
}

function timesOf({ since, until }: UsageOptions): Pick<UsageParams, "sinceMs" | "untilMs"> {
  const nowMs = systemClock.now();
  return {
    ...(since === undefined ? {} : { sinceMs: pointInTime(since, "--since", nowMs) }),
    ...(until === undefined ? {} : { untilMs: pointInTime(until, "--until", nowMs) }),
  };
}

async function sessionOf(store: Store, options: UsageOptions): Promise<Pick<UsageParams, "session">> {
  if (options.session === undefined) return {};
  const { project, session } = await findSession(store, options.session, options);
  return { session: { project, session } };
}

const noUsage: UsageGroup = {
  name: null,
  responses: 0,
  tokens: { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 },
  microDollars: 0,
  unpriced: 0,
};

function sum(one: UsageGroup, other: UsageGroup): UsageGroup {
  return {
    name: null,
    responses: one.responses + other.responses,
    tokens: {
      input: one.tokens.input + other.tokens.input,
      output: one.tokens.output + other.tokens.output,
      cacheRead: one.tokens.cacheRead + other.tokens.cacheRead,
      cacheWrite5m: one.tokens.cacheWrite5m + other.tokens.cacheWrite5m,
      cacheWrite1h: one.tokens.cacheWrite1h + other.tokens.cacheWrite1h,
    },
    microDollars: one.microDollars + other.microDollars,
    unpriced: one.unpriced + other.unpriced,
  };
}

function usageTable(by: string, groups: readonly UsageGroup[], total: UsageGroup): string[] {
  const heading = ["RESPONSES", "INPUT", "OUTPUT", "CACHE READ", "CACHE WRITE", "COST"];
  const rows = groups.map((group) => rowOf(harmlessLine(group.name ?? "(none)"), group));
  return table([
    [harmlessLine(by).toUpperCase(), ...heading],
    ...rows,
    ...(groups.length > 1 ? [rowOf("TOTAL", total)] : []),
  ]);
}

function rowOf(name: string, { responses, tokens, microDollars, unpriced }: UsageGroup): string[] {
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = tokens;
  const counts = [responses, input, output, cacheRead, cacheWrite5m + cacheWrite1h];
  // A sum that lacks some is not the cost.
  const cost = unpriced === 0 ? dollars(microDollars) : `${dollars(microDollars)} and ${unpriced} unpriced`;
  return [name, ...counts.map((count) => count.toLocaleString("en-US")), cost];
}

function unpricedLine({ unpriced }: UsageGroup): string {
  const count = `${unpriced.toLocaleString("en-US")} response${unpriced === 1 ? " has" : "s have"}`;
  return `${count} no known price and ${unpriced === 1 ? "is" : "are"} not in the dollars: give a table with --prices.`;
}
