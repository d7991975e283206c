import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { PushQueue } from "./queue.ts";

const [a, b, c] = ["0a", "0b", "0c"].map((end) => `refs/entire/checkpoints/${end}/0000000000${end}`);
let commonDir = "";
let queue = new PushQueue(commonDir);

beforeEach(() => {
  commonDir = mkdtempSync(join(tmpdir(), "holdfast-queue-"));
  queue = new PushQueue(commonDir);
  onTestFinished(() => rmSync(commonDir, { recursive: true, force: true }));
});

const files = (): string[] => readdirSync(join(commonDir, "holdfast", "push-queue"));

test("a ref waits once, in the place where it was first added", async () => {
  await queue.add([b!, a!]);
  await queue.add([a!, c!, b!]);
  expect((await queue.drain()).refs).toEqual([b, a, c]);
});

test("what is added while others are pushed is not taken for pushed", async () => {
  await queue.add([a!, b!]);
  const drain = await queue.drain();
  await queue.add([a!]);
  await drain.remove([a!]);
  await drain.remove([b!]);
  expect((await queue.drain()).refs).toEqual([a]);
});

test("two that drain at once lose nothing and leave nothing", async () => {
  await queue.add([a!, b!]);
  const [one, two] = [await queue.drain(), await queue.drain()];
  await one.remove([a!]);
  await two.remove([b!]);
  expect((await queue.drain()).refs.length).toBeGreaterThan(0);
  for (const drain of [await queue.drain()]) await drain.remove([a!, b!]);
  expect(files()).toEqual([]);
});

test("lines that are no refs of checkpoints are skipped and kept", async () => {
  await queue.add([a!]);
  const path = join(commonDir, "holdfast", "push-queue", files()[0]!);
  appendFileSync(path, 'torn {"ref":\n{"ref":"refs/heads/main"}\n');
  const drain = await queue.drain();
  expect(drain).toMatchObject({ refs: [a], badLines: 2 });
  await drain.remove([a!]);
  const left = files();
  expect(left).toHaveLength(1);
  expect(readFileSync(join(commonDir, "holdfast", "push-queue", left[0]!), "utf8")).toBe(
    'torn {"ref":\n{"ref":"refs/heads/main"}\n',
  );
});

test("what failed goes behind the others, and many files become one", async () => {
  for (let n = 0; n < 70; n += 1) await queue.add([n === 0 ? a! : b!]);
  await queue.add([c!]);
  await (await queue.drain()).postpone([a!]);
  expect(files()).toHaveLength(1);
  expect((await queue.drain()).refs).toEqual([b, c, a]);
});

test("its files are for their owner alone, and what is half written is not read", async () => {
  await queue.add([a!]);
  const folder = join(commonDir, "holdfast", "push-queue");
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, files()[0]!)).mode & 0o777).toBe(0o600);
  writeFileSync(join(folder, ".1.tmp"), `{"ref":"${b!}"}\n`);
  expect((await queue.drain()).refs).toEqual([a]);
});
