import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { handCheckpoint } from "../../../test/git/hand-written.ts";
import { checkpointRefsOf, sharing } from "../../../test/git/machines.ts";
import { makeRepository, gitTestEnv } from "../../../test/git/repositories.ts";
import { openRepository } from "../plumbing/open-repository.ts";
import { destinationOf } from "./destination.ts";
import { pushBeside } from "./push-beside.ts";

const id = "a3b2c4d5e6f7";

test("checkpoints go to origin, else to the only remote, and with several others nowhere", async () => {
  using made = await makeRepository();
  await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
  expect(await destinationOf(repository)).toEqual({ kind: "none" });
  await made.git("remote", "add", "fork", "/nowhere");
  expect(await destinationOf(repository)).toEqual({ kind: "remote", name: "fork", isDedicated: false });
  await made.git("remote", "add", "other", "/nowhere");
  expect(await destinationOf(repository)).toEqual({ kind: "none" });
  await made.git("remote", "add", "origin", "/nowhere");
  expect(await destinationOf(repository)).toEqual({ kind: "remote", name: "origin", isDedicated: false });
  await made.git("config", "holdfast.remote", "fork");
  expect(await destinationOf(repository)).toEqual({ kind: "remote", name: "fork", isDedicated: true });
  await made.git("config", "holdfast.push", "no");
  expect(await destinationOf(repository)).toEqual({ kind: "local-only" });
});

test("a remote that is named and missing stops them, and so do the CLI's own settings", async () => {
  using made = await makeRepository();
  await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
  await made.git("remote", "add", "origin", "/nowhere");
  await made.git("config", "holdfast.remote", "--upload-pack=evil");
  await expect(destinationOf(repository)).rejects.toMatchObject({ code: "git_remote_missing" });
  await made.git("config", "--unset", "holdfast.remote");
  const theirs = (options: object): void => {
    mkdirSync(join(made.path, ".entire"), { recursive: true });
    writeFileSync(join(made.path, ".entire", "settings.json"), JSON.stringify({ strategy_options: options }));
  };
  theirs({ checkpoint_push_remote: "private" });
  await expect(destinationOf(repository)).rejects.toMatchObject({ code: "git_remote_missing" });
  theirs({ checkpoint_remote: { provider: "github", repo: "org/private" } });
  await expect(destinationOf(repository)).rejects.toMatchObject({ code: "git_remote_missing" });
  theirs({ push_sessions: false });
  expect(await destinationOf(repository)).toEqual({ kind: "local-only" });
});

test("beside the user's push they go to their own remote alone, and never fail it", async () => {
  const { remote, machine } = await sharing();
  const elsewhere = await sharing();
  const one = await machine();
  await one.git("remote", "add", "public", elsewhere.remote);
  await one.queue.add([await handCheckpoint(one.repository, { id, sessions: [{ sessionId: "s1" }] })]);
  const { repository } = one;

  expect(await pushBeside({ repository, pushedTo: "public" })).toEqual({
    kind: "none",
    why: "another-remote",
  });
  expect(await pushBeside({ repository, pushedTo: remote })).toEqual({ kind: "none", why: "another-remote" });
  expect(await checkpointRefsOf(elsewhere.remote)).toEqual([]);
  await one.git("config", "holdfast.remote", "gone");
  expect(await pushBeside({ repository, pushedTo: "origin" })).toMatchObject({ kind: "failed" });
  await one.git("config", "holdfast.remote", "origin");
  expect(await pushBeside({ repository, pushedTo: "public", timeoutMs: 20_000 })).toMatchObject({
    kind: "pushed",
    report: { outcome: "done", pushed: 1 },
  });
  expect(await checkpointRefsOf(remote)).toHaveLength(1);
  expect(await checkpointRefsOf(elsewhere.remote)).toEqual([]);
});
