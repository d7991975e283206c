import { afterEach, beforeEach, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { withStoreOf } from "../../test/cli/work.ts";
import { gitTestEnv, makeRepository, type TestRepository } from "../../test/git/repositories.ts";
import { eventEntry } from "../core/event.ts";
import { linkEntry, linksLog } from "../core/links.ts";
import { eventLog } from "../core/run.ts";

const key = { project: "p", session: "s-1" };
let home: Home;
let place: TestRepository;

beforeEach(async () => {
  home = new Home();
  place = await makeRepository("plain");
});
afterEach(() => {
  place[Symbol.dispose]();
  home[Symbol.dispose]();
});

it("a worker writes checkpoints where it is asked for them, and show, log and the list of projections tell", async () => {
  await place.git("config", "holdfast.checkpoints", "git-refs");
  const commit = (await place.git("rev-parse", "HEAD")).slice(0, 7);
  await leaveCommitted(commit);
  expect(await worked()).not.toContain("checkpoint");
  expect(await place.git("for-each-ref")).not.toContain("refs/entire");
  const said = await worked("--git");
  const [, id] =
    new RegExp(`Run 1\\.1: commit ${commit} has the checkpoint (\\w{26})\\.\\n`).exec(said) ?? [];
  expect(id, said).toBeDefined();
  expect((await holdfast("show", "s-1")).stdout).toContain(
    `git      commit ${commit} has the checkpoint ${id}\n`,
  );
  const shown = JSON.parse((await holdfast("show", "s-1", "--json")).stdout) as { readonly commits: unknown };
  expect(shown.commits).toEqual([{ run: "1.1", commit, checkpoint: id }]);
  expect((await holdfast("projections", "list")).stdout).toMatch(/^git-checkpoints +ok +\d+ +0 /m);
  const here = process.cwd();
  process.chdir(place.path);
  const log = await holdfast("git", "log", "--json").finally(() => process.chdir(here));
  expect(log.stdout).toContain(`"${id}"`);
  expect(log.stdout).toContain('"certain"');
});

it("a commit without a checkpoint is told with its reason, and a rebuild writes what is missing", async () => {
  const commit = (await place.git("rev-parse", "HEAD")).slice(0, 7);
  await leaveCommitted(commit);
  expect(await worked("--git")).toContain(
    `Run 1.1: commit ${commit} has no checkpoint: holdfast git enable was not run in ${place.path}.\n`,
  );
  await place.git("config", "holdfast.checkpoints", "git-refs");
  expect(await holdfast("projections", "rebuild", "git-checkpoints")).toMatchObject({ code: 0 });
  expect(await place.git("for-each-ref")).toContain("refs/entire/checkpoints/");
});

it("a worker whose time is over leaves the rest to the next one, which begins where it stopped", async () => {
  const commit = (await place.git("rev-parse", "HEAD")).slice(0, 7);
  const sessions = Array.from({ length: 8 }, (_, n) => `s-${n + 1}`);
  for (const session of sessions) await leaveCommitted(commit, session);
  const said = await worked("--git", "--drain-ms", "0");
  expect(said).not.toContain("Run 8.1: ");
  expect(said).toMatch(
    /^The time is over: the next worker with --git looks for commits in \d+ more changes\.$/m,
  );
  expect((await holdfast("projections", "list")).stdout).toMatch(/^git-checkpoints +ok +0 /m);
  const next = await worked("--git");
  expect(next.match(/^Run \d\.1: /gm)).toHaveLength(8);
  expect(next).not.toContain("The time is over");
});

async function holdfast(...args: readonly string[]) {
  return await home.runInside([...args], { env: { ...gitTestEnv, HOME: home.folder } });
}

/** What a worker says until it is stopped as soon as it can be. */
async function worked(...args: readonly string[]): Promise<string> {
  const ended = holdfast("worker", "--provider", "scripted", ...args);
  while (process.listenerCount("SIGTERM") === 0) await new Promise((resolve) => setImmediate(resolve));
  process.emit("SIGTERM");
  const { code, stderr } = await ended;
  expect(code, stderr).toBe(0);
  return stderr;
}

/** A run that made a commit, as a worker without `--git` leaves it. */
async function leaveCommitted(commit: string, name = key.session): Promise<void> {
  const session = { ...key, session: name };
  await withStoreOf(home, async (store) => {
    await store.admit({ session, key: "k", body: '{"prompt":"Do it"}', provider: "scripted" });
    const { run, lease } = (await store.claim({ worker: "w", leaseMs: 60_000, session: name }))!;
    const staged = { fence: lease, run: run.id };
    const settings = { cwd: place.path };
    const event = eventEntry({ run: run.id, event: { type: "status", status: "started", settings } });
    await store.append({ ...staged, log: { ...session, log: eventLog(run.id) }, entries: [event] });
    const body = '{"type":"user","message":{"role":"user","content":"Do it"}}';
    await store.append({ ...staged, log: { ...session, log: "" }, entries: [{ body }] });
    const link = linkEntry({ kind: "commit", commit, run: run.id, call: "c" });
    await store.append({ log: { ...session, log: linksLog }, entries: [link], fence: lease });
    const { parts } = await store.tail({ run: run.id });
    await store.commit({ session, run: run.id, epoch: lease.epoch, parts, outcome: "{}" });
  });
}
