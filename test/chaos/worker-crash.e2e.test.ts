import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { testSchemas } from "../postgres/schemas.ts";
import { CrashSite, crashRound, pointNames, type RoundReport } from "./crash-round.ts";

const rounds = Number(process.env["HOLDFAST_CHAOS_ROUNDS"] ?? 25);
const firstSeed = Number(process.env["HOLDFAST_CHAOS_SEED"] ?? 0);
/** Rounds that one file takes; then it is looked through whole. */
const roundsPerFile = 25;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-chaos-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const schemas = testSchemas();
const isAsked = process.env["HOLDFAST_CHAOS_ROUNDS"] !== undefined;
/** A round takes some time on a server: unless they are asked for, every third is played there. */
const places: Readonly<
  Record<string, { readonly placeOf: (name: string) => string; readonly step: number }>
> = {
  "a SQLite file": { placeOf: (name) => join(folder, `${name}.db`), step: 1 },
  PostgreSQL: { placeOf: () => schemas.next(), step: isAsked ? 1 : 3 },
};

test.each(Object.entries(places))(
  "A worker that is killed anywhere loses nothing, shows nothing early and does nothing twice on %s, many times over.",
  { timeout: 1_200_000 },
  async (driver, { placeOf, step }) => {
    const reports: RoundReport[] = [];
    for (let first = firstSeed; first < firstSeed + rounds; first += roundsPerFile) {
      const name = `from-${first}`;
      const effects = join(folder, `${name}.effects`);
      await using site = await CrashSite.open({ place: placeOf(name), effects });
      for (let seed = first; seed < Math.min(first + roundsPerFile, firstSeed + rounds); seed += step) {
        const report = await crashRound(site, seed);
        reports.push(report);
        const replay = `HOLDFAST_CHAOS_SEED=${seed} HOLDFAST_CHAOS_ROUNDS=1 npx vitest run test/chaos/worker-crash`;
        expect(report.problems, `${report.point}, died ${report.died}. Replay: ${replay}`).toEqual([]);
      }
      expect((await site.store.health({ deep: true })).problems).toEqual([]);
    }
    if (process.env["HOLDFAST_CHAOS_VERBOSE"] !== undefined) console.log(summaryOf(reports));
    if (rounds >= pointNames.length * 5) expectEveryWindow(reports, driver === "PostgreSQL" ? 1 : 8);
  },
);

/** A crash that never happened proves nothing. */
function expectEveryWindow(reports: readonly RoundReport[], commitStatements: number): void {
  const missed = pointNames.filter(
    (name) =>
      !name.includes("refused") && !reports.some(({ point, died }) => point === name && died !== undefined),
  );
  expect(missed).toEqual([]);
  const again = new Set(reports.map(({ diedRecovering }) => diedRecovering));
  expect(again.size).toBeGreaterThan(6);
  const results = new Set(reports.flatMap(({ settled }) => settled));
  expect([...results].toSorted()).toEqual(["committed", "held", "interrupted"]);
  expect(reports.filter(({ during }) => during > 0).length).toBeGreaterThan(rounds / 4);
  const statements = new Set(reports.filter(({ point }) => point.startsWith("K5")).map(({ died }) => died));
  expect(statements.size).toBeGreaterThan(commitStatements);
}

function summaryOf(reports: readonly RoundReport[]): string {
  const lines = reports.map(({ point, died, diedRecovering, polls, during, settled }) => {
    const ends = `died ${died ?? "not"}, then ${diedRecovering ?? "not"}`;
    return `${point} | ${ends} | ${polls} polls, ${during} during | ${settled.join()}`;
  });
  return lines.join("\n");
}
