import { expect, test } from "vitest";
import { WaitingQueue } from "./waiting-queue.ts";

test("a queue gives its items in order to a reader that waits, then its end", async () => {
  const queue = new WaitingQueue<number>();
  const first = queue.next();
  queue.push(1, 2);
  queue.end();
  expect([await first, await queue.next(), await queue.next()]).toEqual([1, 2, undefined]);
});

test("what a queue fails with comes behind what was there before it", async () => {
  const queue = new WaitingQueue<number>();
  queue.push(1);
  queue.end({ error: new Error("gone") });
  expect(await queue.next()).toBe(1);
  await expect(queue.next()).rejects.toThrow("gone");
});

test("a reader that is stirred looks for its own reason to stop", async () => {
  const queue = new WaitingQueue<number>();
  let stopped = false;
  const next = queue.next(() => {
    if (stopped) throw new Error("stopped");
  });
  stopped = true;
  queue.stir();
  await expect(next).rejects.toThrow("stopped");
});

test("all is read once the reader has come back for more, not when it has the last item", async () => {
  const queue = new WaitingQueue<number>();
  queue.push(1);
  let isRead = false;
  void queue.read().then(() => (isRead = true));
  await queue.next();
  await Promise.resolve();
  expect(isRead).toBe(false);
  const next = queue.next();
  await new Promise((resolve) => setImmediate(resolve));
  expect(isRead).toBe(true);
  queue.push(2);
  expect(await next).toBe(2);
});
