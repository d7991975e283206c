import { execFileSync } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { appendFileSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CompactText } from "../src/git/content/compact/compact-text.ts";
import { redactor } from "../src/git/content/redactor.ts";
import { sessionContent } from "../src/git/content/session-content.ts";
import { SessionText, type TakenText } from "../src/git/content/session-text.ts";
import { contentHashOf } from "../src/git/format/hash.ts";
import { mintHexId } from "../src/git/format/ids.ts";
import { openLayout } from "../src/git/layouts/open-layout.ts";
import { openRepository } from "../src/git/plumbing/open-repository.ts";
import type { Repository } from "../src/git/plumbing/repository.ts";
import { median, ms, type Row } from "./measure.ts";

/** What a session costs before it is a git object: redaction, a session that grows, and one of 70 MB. */
export async function benchGitContent(folder: string): Promise<Row[]> {
  const path = join(folder, "git-content");
  execFileSync("git", ["init", "-q", "--", path]);
  const repository = await openRepository({ cwd: path });
  try {
    return [
      redaction(),
      ...(await checkpoints(repository, folder)),
      ...(await growing(repository, folder)),
      ...(await large(repository, folder)),
    ];
  } finally {
    await repository[Symbol.asyncDispose]();
  }
}

const rounds = 7;
/** A difference of some milliseconds is looked for. */
const growingRounds = 25;
const steps = 10;
const stepBytes = 300_000;
const largeBytes = 70_000_000;

function redaction(): Row {
  const lines = transcript(10_000_000);
  const bytes = sizeOf(lines);
  const { json } = redactor();
  const times: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const start = performance.now();
    for (const line of lines) json(line);
    if (round > 0) times.push(performance.now() - start);
  }
  const rate = `${Math.round(bytes / 1000 / median(times))} MB/s`;
  return {
    what: `redaction of new lines, p50 of ${rounds}`,
    ours: rate,
    limit: "-",
    ratio: rate,
    bar: "20 MB/s",
  };
}

/** Ten whole checkpoints of a session that grows to 3 MB: its text, its compact transcript, its part's usage and files, and the ref. */
async function checkpoints(repository: Repository, folder: string): Promise<Row[]> {
  const times = { first: [] as number[], tenth: [] as number[] };
  const stored = { ours: 0, added: 0 };
  for (let round = 0; round <= growingRounds; round += 1) {
    const path = join(folder, `checkpoints-${round}.jsonl`);
    writeFileSync(path, "");
    let partFrom = 0;
    for (let step = 1; step <= steps; step += 1) {
      const lines = transcript(stepBytes);
      appendFileSync(path, `${lines.join("\n")}\n`);
      const before = diskBytes(repository);
      const start = performance.now();
      partFrom = await checkpoint(repository, {
        folder: join(folder, `checkpoints-${round}`),
        path,
        partFrom,
      });
      const tookMs = performance.now() - start;
      if (round === 0 || (step !== 1 && step !== steps)) continue;
      times[step === 1 ? "first" : "tenth"].push(tookMs);
      if (step === 1) continue;
      stored.ours += diskBytes(repository) - before;
      stored.added += sizeOf(lines);
    }
  }
  const [first, tenth] = [median(times.first), median(times.tenth)];
  const kb = (bytes: number): string => `${Math.round(bytes / growingRounds / 1000)} kB`;
  return [
    {
      what: `tenth whole checkpoint of a session that grows to 3 MB, p50 of ${growingRounds}`,
      ours: ms(tenth),
      limit: `its first ${ms(first)}`,
      ratio: `${(tenth / first).toFixed(2)} ×`,
      bar: "1.3 ×",
    },
    {
      what: "what it stores, compressed",
      ours: kb(stored.ours),
      limit: `new lines ${kb(stored.added)}`,
      ratio: `${(stored.ours / stored.added).toFixed(2)} × of the new bytes`,
      bar: "1 ×",
    },
  ];
}

/** Writes one, and gives the line from which the next part is. */
async function checkpoint(
  repository: Repository,
  { folder, path, partFrom }: CheckpointParams,
): Promise<number> {
  const store = openLayout(repository, "git-refs");
  const content = await sessionContent({
    ...{ folder, path, partFrom, redactor: redactor(), cliVersion: "bench", prompts: ["Go on."] },
    ...{ objects: repository.objects, batch: repository.batch() },
  });
  await content.keep();
  const sessions = [{ sessionId: "s", ...content.input, metadata: content.metadata }];
  await store.write({
    id: mintHexId(randomBytes),
    strategy: "manual-commit",
    cliVersion: "bench",
    root: content.root,
    sessions,
  });
  return content.lines;
}

interface CheckpointParams {
  readonly folder: string;
  readonly path: string;
  readonly partFrom: number;
}

/** The text alone of ten checkpoints, beside one that takes the whole file each time. */
async function growing(repository: Repository, folder: string): Promise<Row[]> {
  const times = { first: [] as number[], tenth: [] as number[], whole: [] as number[] };
  const stored = { ours: 0, whole: 0, added: 0 };
  for (let round = 0; round <= growingRounds; round += 1) {
    const file = join(folder, `growing-${round}.jsonl`);
    writeFileSync(file, "");
    const session = new SessionText({ folder: join(folder, `growing-${round}`), redactor: redactor() });
    for (let step = 1; step <= steps; step += 1) {
      const lines = transcript(stepBytes);
      appendFileSync(file, `${lines.join("\n")}\n`);
      const before = diskBytes(repository);
      const oursMs = await timed(async () => void (await keep(await take(session, repository, file))));
      if (round === 0 || (step !== 1 && step !== steps)) continue;
      times[step === 1 ? "first" : "tenth"].push(oursMs);
      if (step === 1) continue;
      const between = diskBytes(repository);
      times.whole.push(await timed(() => takeWhole(repository, file)));
      stored.ours += between - before;
      stored.whole += diskBytes(repository) - between;
      stored.added += sizeOf(lines);
    }
  }
  const [first, tenth, whole] = [median(times.first), median(times.tenth), median(times.whole)];
  const kb = (bytes: number): string => `${Math.round(bytes / growingRounds / 1000)} kB`;
  return [
    {
      what: `tenth checkpoint's text of a session that grows to 3 MB, p50 of ${growingRounds}`,
      ours: ms(tenth),
      limit: `its first ${ms(first)}, the whole file each time ${ms(whole)}`,
      ratio: `${(tenth / first).toFixed(2)} ×, ${(whole / tenth).toFixed(1)} × faster than the whole file`,
      bar: "1.3 ×",
    },
    {
      what: "what it stores, compressed",
      ours: kb(stored.ours),
      limit: `new lines ${kb(stored.added)}, the whole file ${kb(stored.whole)}`,
      ratio: `${(stored.ours / stored.added).toFixed(2)} × of the new bytes`,
      bar: "1 ×",
    },
  ];
}

async function large(repository: Repository, folder: string): Promise<Row[]> {
  const file = join(folder, "large.jsonl");
  writeFileSync(file, `${transcript(largeBytes).join("\n")}\n`);
  const session = new SessionText({ folder: join(folder, "large"), redactor: redactor() });
  const firstMs = await timed(async () => void (await keep(await take(session, repository, file))));
  appendFileSync(file, `${transcript(stepBytes).join("\n")}\n`);
  const secondMs = await timed(async () => void (await keep(await take(session, repository, file))));
  const lines = readFileSync(file, "utf8").split("\n");
  const compact = new CompactText({ folder: join(folder, "large"), cliVersion: "bench" });
  const write = async (to: number): Promise<void> => {
    const given = { lines: (from: number) => lines.slice(from, to), key: "k" };
    await (await compact.write(given))?.keep();
  };
  const wholeMs = await timed(() => write(lines.length - 100));
  const grownMs = await timed(() => write(lines.length));
  const row = (what: string, ours: number, limit: number): Row => ({
    what,
    ours: ms(ours),
    limit: `the first time ${ms(limit)}`,
    ratio: `${(limit / ours).toFixed(1)} × faster`,
    bar: "-",
  });
  return [
    row("text of a session of 70 MB that grew by 300 kB", secondMs, firstMs),
    row("compact transcript of a session of 70 MB that grew by 100 lines", grownMs, wholeMs),
  ];
}

function take(session: SessionText, repository: Repository, path: string): Promise<TakenText> {
  return session.take({ path, objects: repository.objects, batch: repository.batch() });
}

function keep(taken: TakenText): Promise<void> {
  return taken.keep();
}

/** As others do it: redact, hash and write all of it. */
async function takeWhole(repository: Repository, path: string): Promise<void> {
  const { json } = redactor();
  const lines = readFileSync(path, "utf8").split("\n");
  const whole = Buffer.from(lines.map((line) => json(line)).join("\n"));
  contentHashOf([whole]);
  const batch = repository.batch();
  batch.blob(whole);
  await batch.flush();
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function diskBytes({ commonDir }: Repository): number {
  mkdirSync(join(commonDir, "objects"), { recursive: true });
  const files = globSync("objects/**/*", { cwd: commonDir }).map((name) => statSync(join(commonDir, name)));
  return files.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

const sources = globSync("src/**/*.ts").map((path) => readFileSync(path, "utf8"));

/** Lines as Claude Code writes them: calls that read this project's files, with their ids and usage, and no two alike. */
function transcript(bytes: number): string[] {
  const lines: string[] = [];
  for (let size = 0, n = Math.floor(Math.random() * sources.length); size < bytes; n += 1) {
    const pair = [call(), result(sources[n % sources.length]!)].map((line) => JSON.stringify(line));
    lines.push(...pair);
    size += sizeOf(pair);
  }
  return lines;
}

function envelope(type: string, message: object): object {
  const [cwd, sessionId] = ["/home/dev/app", "0c8f2b4e-6a55-4a6f-9d0c-2f4f4c1d7a11"];
  const told = {
    parentUuid: randomUUID(),
    isSidechain: false,
    cwd,
    sessionId,
    version: "2.1.38",
    gitBranch: "main",
  };
  return { ...told, message, type, uuid: randomUUID(), timestamp: "2026-02-10T06:23:13.830Z" };
}

function call(): object {
  const usage = {
    input_tokens: 3,
    cache_creation_input_tokens: 8818,
    cache_read_input_tokens: 18337,
    output_tokens: 2,
  };
  const input = { command: "git status --short && npm test", description: "See what changed" };
  const content = [
    { type: "text", text: "Let me first look at the current state of the files before I change anything." },
    { type: "tool_use", id: `toolu_01${randomUUID().slice(0, 22)}`, name: "Bash", input },
  ];
  return envelope("assistant", {
    model: "claude-x",
    id: `msg_${randomUUID()}`,
    role: "assistant",
    content,
    usage,
  });
}

function result(text: string): object {
  const numbered = text.split("\n").map((line, at) => `${String(at + 1).padStart(6)}\t${line}`);
  const content = [{ tool_use_id: "toolu_01", type: "tool_result", content: numbered.join("\n") }];
  return envelope("user", { role: "user", content });
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}
