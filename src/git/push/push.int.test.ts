import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { handBranch, handCheckpoint, fileIn } from "../../../test/git/hand-written.ts";
import { checkpointRefsOf, hook, sharing } from "../../../test/git/machines.ts";
import { fsckClean, runTestGit } from "../../../test/git/repositories.ts";
import { refOfCheckpoint } from "../format/ids.ts";
import { branchRef } from "../format/checkpoint-refs.ts";
import { unpushed } from "./discover.ts";

const first = "a3b2c4d5e6f7";
const second = "0123456789ab";

describe("one machine", () => {
  test("what waits arrives under its own name, and waits no more", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await handCheckpoint(one.repository, { id: second, sessions: [{ sessionId: "s2" }] });
    await one.queue.add([refOfCheckpoint(first), refOfCheckpoint(second), refOfCheckpoint(first)]);

    const report = await one.push();

    expect(report).toMatchObject({ outcome: "done", pushed: 2, joined: 0, left: 0 });
    expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(one.path));
    expect((await one.queue.drain()).refs).toEqual([]);
    await fsckClean(remote);
  });

  test("a ref that is not there any more is dropped, and one that the queue should not name is left alone", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await one.queue.add([refOfCheckpoint(first), "refs/heads/main", "--mirror"]);

    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 0, dropped: 1, left: 0 });
    expect(await runTestGit(remote, ["for-each-ref"])).not.toContain("entire");
    expect((await one.queue.drain()).badLines).toBe(2);
  });

  test("a remote that is a mirror, follows tags and asks for signatures gets the checkpoints alone", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await one.git("config", "remote.origin.mirror", "true");
    await one.git("config", "push.followTags", "true");
    await one.git("config", "push.gpgSign", "true");
    await one.git("tag", "-a", "v1", "-m", "A tag");
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await one.queue.add([refOfCheckpoint(first)]);

    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 1 });
    expect(await runTestGit(remote, ["tag", "-l"])).toBe("");
  });

  test("the branch is not pushed to an empty remote, where it would become the default", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await handBranch(one.repository, [{ id: first, sessions: [{ sessionId: "s1" }] }]);
    await one.queue.add([branchRef]);
    await runTestGit(remote, ["update-ref", "-d", "refs/heads/main"]);

    expect(await one.push()).toMatchObject({ outcome: "incomplete", reason: "withheld", left: 1 });
    await one.git("push", "-q", "origin", "main");
    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 1 });
  });

  test("what the CLI has queued goes too, once, and its queue is left as it is", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const name = await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    const queue = join(one.repository.commonDir, "entire-checkpoint-push-queue.jsonl");
    writeFileSync(queue, `{"ref":"${name}"}\nno JSON\n{"ref":"refs/heads/main"}\n{"ref":"${name}"}`);

    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 1 });
    expect(await checkpointRefsOf(remote)).toEqual(await checkpointRefsOf(one.path));
    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 0 });
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1", prompt: "More." }] });
    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 1 });
  });

  test("a remote of SHA-256 takes them as well", async () => {
    const { remote, machine } = await sharing("--object-format=sha256");
    const one = await machine();
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await one.queue.add([refOfCheckpoint(first)]);
    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 1 });
    await fsckClean(remote);
  });
});

describe("two machines", () => {
  test("sessions that both added to one checkpoint are all there, each in a slot of its own", async () => {
    const { remote, machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    const name = await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await handCheckpoint(two.repository, {
      id: first,
      sessions: [{ sessionId: "s2", prompt: "Ours." }],
      root: { own_key: 12_345_678_901_234_567_890n.toString() },
    });
    for (const each of [one, two]) await each.queue.add([name]);

    expect(await one.push()).toMatchObject({ outcome: "done", joined: 0 });
    const before = await runTestGit(remote, ["rev-parse", name]);
    expect(await two.push()).toMatchObject({ outcome: "done", pushed: 1, joined: 1 });

    const tip = (await two.repository.refs.read(name))!;
    expect(await runTestGit(remote, ["rev-parse", name])).toBe(tip);
    await runTestGit(remote, ["merge-base", "--is-ancestor", before, tip]);
    expect(await fileIn(two.repository, tip, "0/full.jsonl")).toContain("s1");
    expect(await fileIn(two.repository, tip, "1/prompt.txt")).toBe("Ours.");
    const root = JSON.parse((await fileIn(two.repository, tip, "metadata.json"))!) as Record<string, unknown>;
    expect(root).toMatchObject({
      checkpoints_count: 2,
      files_touched: ["s1.ts", "s2.ts"],
      own_key: "12345678901234567890",
      sessions: [
        { metadata: "/0/metadata.json" },
        { metadata: "/1/metadata.json", transcript: "/1/full.jsonl" },
      ],
    });
    for (const path of [remote, one.path, two.path]) await fsckClean(path);
  });

  test("of a session that both went on with, the longer transcript stays whole, and both sides' other keys", async () => {
    const { machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    const name = await handCheckpoint(one.repository, {
      id: first,
      sessions: [{ sessionId: "s1", transcript: "1\n" }],
    });
    await one.queue.add([name]);
    await one.push();
    await two.git("fetch", "-q", "origin", `${name}:${name}`);
    const changed = { summary: { intent: "why" } };
    await handCheckpoint(one.repository, {
      id: first,
      sessions: [{ sessionId: "s1", transcript: "1\n", metadata: changed }],
    });
    await handCheckpoint(two.repository, {
      id: first,
      sessions: [{ sessionId: "s1", transcript: "1\n2\n", metadata: { model: "m" } }],
    });
    for (const each of [one, two]) await each.queue.add([name]);
    await two.push();

    expect(await one.push()).toMatchObject({ outcome: "done", joined: 1 });

    const tip = (await one.repository.refs.read(name))!;
    expect(await fileIn(one.repository, tip, "0/full.jsonl")).toBe("1\n2\n");
    expect(JSON.parse((await fileIn(one.repository, tip, "0/metadata.json"))!)).toMatchObject({
      ...changed,
      model: "m",
    });
    expect(await fileIn(one.repository, tip, "1/metadata.json")).toBeNull();
  });

  test("commits that each of them linked to one checkpoint are all named by it", async () => {
    const { machine } = await sharing();
    const [one, two] = [await machine(), await machine()];
    const links = (...shas: readonly string[]) => ({
      linked_commits: shas.map((sha) => ({ sha })),
      commit_anchors: shas.map((sha) => ({ sha, tree: sha })),
    });
    const sessions = [{ sessionId: "s1" }];
    const name = await handCheckpoint(one.repository, { id: first, sessions, root: links("a", "b") });
    await one.queue.add([name]);
    await one.push();
    await two.git("fetch", "-q", "origin", `${name}:${name}`);
    // One has amended `a`, the other has picked `b`.
    await handCheckpoint(one.repository, { id: first, sessions, root: links("b", "amended") });
    await handCheckpoint(two.repository, { id: first, sessions, root: links("a", "b", "picked") });
    for (const each of [one, two]) await each.queue.add([name]);
    await one.push();

    expect(await two.push()).toMatchObject({ outcome: "done", joined: 1 });

    const tip = (await two.repository.refs.read(name))!;
    expect(JSON.parse((await fileIn(two.repository, tip, "metadata.json"))!)).toMatchObject(
      links("b", "amended", "picked"),
    );
  });

  test("both branches are one with all checkpoints, whoever pushed first", async () => {
    const { remote, machine } = await sharing();
    const machines = [await machine(), await machine()];
    const ids = machines.map((_, at) => [0, 1, 2, 3].map((n) => `a${n}${at}000000000`.slice(0, 12)));
    await Promise.all(
      machines.map(async ({ repository, queue, push }, at) => {
        for (const id of ids[at]!) {
          await handBranch(repository, [{ id, sessions: [{ sessionId: `s-${id}` }] }]);
          await queue.add([branchRef]);
          await push();
        }
      }),
    );
    for (const { push, queue } of machines) {
      await queue.add([branchRef]);
      expect(await push()).toMatchObject({ outcome: "done" });
    }

    const listed = await runTestGit(remote, ["ls-tree", "-r", "--name-only", branchRef]);
    for (const id of ids.flat()) expect(listed).toContain(`${id.slice(0, 2)}/${id.slice(2)}/0/full.jsonl`);
    for (const path of [remote, ...machines.map(({ path }) => path)]) await fsckClean(path);
  });
});

describe("a remote that does not do as it should", () => {
  test("one checkpoint that a hook refuses does not keep the others back", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const ids = Array.from({ length: 9 }, (_, n) => `00000000000${n}`);
    for (const id of ids) await handCheckpoint(one.repository, { id, sessions: [{ sessionId: id }] });
    await one.queue.add(ids.map(refOfCheckpoint));
    hook(remote, "pre-receive", `if grep -q ${ids[4]}; then echo no >&2; exit 1; fi`);

    const report = await one.push();

    expect(report).toMatchObject({ outcome: "incomplete", reason: "refused", pushed: 8, left: 1 });
    expect(report.failures).toEqual([{ ref: refOfCheckpoint(ids[4]!), reason: "pre-receive hook declined" }]);
    expect((await one.queue.drain()).refs).toEqual([refOfCheckpoint(ids[4]!)]);
  });

  test("a remote that refuses everything is not asked for each ref, and nothing is lost", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const ids = Array.from({ length: 8 }, (_, n) => n.toString(16).padStart(12, "0"));
    for (const id of ids) await handCheckpoint(one.repository, { id, sessions: [{ sessionId: id }] });
    await one.queue.add(ids.map(refOfCheckpoint));
    hook(remote, "pre-receive", "echo asked >> asked; exit 1");

    expect(await one.push()).toMatchObject({ outcome: "incomplete", reason: "refused", pushed: 0, left: 8 });
    // 8, 4, 2, 1, 1, 2, 1, 1, 4, 2, 1: five alone were refused in a row.
    expect(readFileSync(join(remote, "asked"), "utf8").split("\n").length - 1).toBe(11);
    expect(new Set((await one.queue.drain()).refs)).toEqual(new Set(ids.map(refOfCheckpoint)));
  });

  test("a remote that is not there is found out once, and what waits waits on", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await one.queue.add([refOfCheckpoint(first)]);
    rmSync(remote, { recursive: true });

    expect(await one.push()).toMatchObject({ outcome: "incomplete", reason: "unreachable", left: 1 });
    expect((await one.queue.drain()).refs).toEqual([refOfCheckpoint(first)]);
  });

  test("what only the first of two push URLs has taken waits on, until the second has it too", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const mirror = `${remote}-mirror`;
    await one.git("remote", "set-url", "--push", "origin", remote);
    await one.git("remote", "set-url", "--add", "--push", "origin", mirror);
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await one.queue.add([refOfCheckpoint(first)]);

    const report = await one.push();

    expect(report).toMatchObject({ outcome: "incomplete", pushed: 0, left: 1 });
    expect(report.failures[0]?.reason).toContain(`'${mirror}' does not appear to be a git repository`);
    expect((await one.queue.drain()).refs).toEqual([refOfCheckpoint(first)]);
    await runTestGit(remote, ["init", "-q", "--bare", "--", mirror]);
    expect(await one.push()).toMatchObject({ outcome: "done", pushed: 1 });
    expect(await checkpointRefsOf(mirror)).toEqual(await checkpointRefsOf(remote));
  });

  test("what two push URLs have that is not alike is joined, and both have it", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const mirror = `${remote}-mirror`;
    await runTestGit(remote, ["clone", "-q", "--mirror", "--", remote, mirror]);
    await one.git("remote", "set-url", "--push", "origin", remote);
    await one.git("remote", "set-url", "--add", "--push", "origin", mirror);
    const names = [refOfCheckpoint(first), branchRef];
    for (const [path, sessionId] of [
      [remote, "theirs"],
      [mirror, "mirrored"],
    ] as const) {
      const two = await machine();
      await two.git("remote", "set-url", "--push", "origin", path);
      await handCheckpoint(two.repository, { id: first, sessions: [{ sessionId }] });
      await handBranch(two.repository, [{ id: second, sessions: [{ sessionId }] }]);
      await two.queue.add(names);
      expect(await two.push()).toMatchObject({ outcome: "done" });
    }
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "ours" }] });
    await handBranch(one.repository, [{ id: second, sessions: [{ sessionId: "ours" }] }]);
    await one.queue.add(names);

    expect(await one.push()).toMatchObject({ outcome: "done", left: 0, failures: [] });

    for (const path of [remote, mirror]) {
      expect(await checkpointRefsOf(path)).toEqual(await checkpointRefsOf(one.path));
      await fsckClean(path);
    }
    const [alone, many] = await Promise.all(names.map((name) => one.git("rev-parse", name)));
    const sessionsAt = async (tip: string, folder: string): Promise<readonly (string | null)[]> =>
      await Promise.all(
        [0, 1, 2].map((slot) => fileIn(one.repository, tip, `${folder}${slot}/metadata.json`)),
      );
    for (const found of [
      await sessionsAt(alone!, ""),
      await sessionsAt(many!, `${second.slice(0, 2)}/${second.slice(2)}/`),
    ])
      for (const sessionId of ["ours", "theirs", "mirrored"])
        expect(found.join()).toContain(`"${sessionId}"`);
  });

  test("what only the second of two push URLs lacks is not taken for pushed", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const mirror = `${remote}-mirror`;
    await runTestGit(remote, ["clone", "-q", "--mirror", "--", remote, mirror]);
    const name = await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await one.queue.add([name]);
    await one.push();
    const params = { repository: one.repository, remote: "origin", timeoutMs: 20_000 };
    expect(await unpushed(params)).toEqual([]);
    await one.git("remote", "set-url", "--push", "origin", remote);
    await one.git("remote", "set-url", "--add", "--push", "origin", mirror);
    expect(await unpushed(params)).toEqual([name]);
  });

  test("a remote that hangs is left when the time is over, with all that it started", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    await handCheckpoint(one.repository, { id: first, sessions: [{ sessionId: "s1" }] });
    await one.queue.add([refOfCheckpoint(first)]);
    const hanging = join(remote, "hang");
    writeFileSync(hanging, `#!/bin/sh\necho $$ > "${remote}/pid"\nexec sleep 600\n`);
    chmodSync(hanging, 0o755);
    await one.git("config", "remote.origin.receivepack", hanging);
    const start = performance.now();

    const report = await one.push(700);

    expect(report).toMatchObject({ outcome: "incomplete", reason: "out_of_time", left: 1 });
    expect(performance.now() - start).toBeLessThan(15_000);
    expect((await one.queue.drain()).refs).toEqual([refOfCheckpoint(first)]);
  });

  test("a remote that is too slow for all at once gets some with each push, until it has all", async () => {
    const { remote, machine } = await sharing();
    const one = await machine();
    const ids = Array.from({ length: 8 }, (_, n) => n.toString(16).padStart(12, "0"));
    for (const id of ids) await handCheckpoint(one.repository, { id, sessions: [{ sessionId: id }] });
    await one.queue.add(ids.map(refOfCheckpoint));
    hook(remote, "pre-receive", "test $(wc -l) -le 2 || exec sleep 600");

    const left = [8];
    while (left.at(-1) !== 0 && left.length < 12) left.push((await one.push(2000)).left);

    expect(left.at(-1)).toBe(0);
    expect(await checkpointRefsOf(remote)).toHaveLength(8);
  });
});
