import { expect, test } from "vitest";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { HoldfastError } from "../core/errors.ts";
import { openMemoryStore } from "../stores/memory/index.ts";
import { AttendedInput } from "./attended-input.ts";
import { recoveryOf } from "./recovery.ts";

test("An attended input whose agent is not installed fails with what to install, and stays queued untried.", async () => {
  const store = openMemoryStore();
  const missing = new HoldfastError({ code: "sdk_missing", message: "No SDK.", next: "Install it." });
  const agent = {
    ...scriptedAgent(),
    run: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(missing) }) }),
  };
  const session = { project: "p", session: "s" };
  const { input } = await store.admit({ session, key: "k", body: "{}", provider: "scripted" });
  const ignored = (): void => undefined;
  const attended = new AttendedInput({
    recovery: recoveryOf(store, {}),
    agent,
    input,
    actor: "test",
    onBegin: ignored,
    onEvent: ignored,
    onReplay: ignored,
    onEnd: ignored,
    onWait: ignored,
  });
  await expect(attended.ended()).rejects.toBe(missing);
  expect(await store.inputs({})).toMatchObject([{ state: "queued", attempts: 0 }]);
});
