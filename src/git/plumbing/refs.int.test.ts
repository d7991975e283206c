import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { gitTestEnv, makeRepository, type TestRepository } from "../../../test/git/repositories.ts";
import { FileRefs } from "./file-refs.ts";
import { GitRefs } from "./git-refs.ts";
import { openRepository } from "./open-repository.ts";
import type { Refs } from "./refs.ts";
import { settingsReader } from "./settings.ts";

type Route = "files" | "git";

/** The refs of a files repository, by our own hand or through git, as a reftable's are. */
async function openRefs(made: TestRepository, route: Route): Promise<Refs & AsyncDisposable> {
  const repository = await openRepository({ cwd: made.path, env: gitTestEnv });
  const refs = route === "files" ? repository.refs : new GitRefs(repository);
  return {
    read: (name) => refs.read(name),
    list: (prefix, options) => refs.list(prefix, options),
    update: (update) => refs.update(update),
    [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose](),
  };
}

async function commitsOf(made: TestRepository): Promise<[string, string, string]> {
  return (await made.git("rev-list", "HEAD")).split("\n") as [string, string, string];
}

describe.each<Route>(["files", "git"])("Refs through %s", (route) => {
  it("are created, moved and deleted only while they are as expected", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, route);
    const [a, b, c] = await commitsOf(made);
    const name = "refs/entire/checkpoints/f7/a3b2c4d5e6f7";
    expect(await refs.update({ name, from: a, to: b })).toBe("moved");
    expect(await refs.update({ name, from: null, to: a })).toBe("updated");
    expect(await refs.update({ name, from: b, to: c })).toBe("moved");
    expect(await refs.update({ name, from: null, to: a })).toBe("moved");
    expect(await refs.update({ name, from: a, to: b })).toBe("updated");
    expect(await refs.update({ name, from: b, to: b })).toBe("updated");
    expect(await made.git("rev-parse", name)).toBe(b);
    expect(await refs.update({ name, from: a, to: null })).toBe("moved");
    expect(await refs.update({ name, from: b, to: null })).toBe("updated");
    expect(await refs.update({ name, from: null, to: null })).toBe("updated");
    expect(await refs.read(name)).toBeNull();
    await made.fsckClean();
  });

  it("are found whether they lie in files or are packed, and a packed one is moved and deleted", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, route);
    const [a, b] = await commitsOf(made);
    for (const name of ["refs/x/1", "refs/x/2/a", "refs/x/2-b", "refs/xy"])
      await made.git("update-ref", name, a);
    await made.git("tag", "-a", "annotated", "-m", "A tag", a);
    expect(await refs.read("refs/x/1")).toBe(a);
    await made.git("pack-refs", "--all");
    await made.git("update-ref", "refs/x/1", b);
    await made.git("update-ref", "refs/x/0", b);
    expect(await refs.list("refs/x/")).toEqual([
      { name: "refs/x/0", id: b },
      { name: "refs/x/1", id: b },
      { name: "refs/x/2-b", id: a },
      { name: "refs/x/2/a", id: a },
    ]);
    expect(await refs.list("refs/none/")).toEqual([]);
    expect(await refs.read("refs/tags/annotated")).toBe(await made.git("rev-parse", "refs/tags/annotated"));
    expect(await refs.update({ name: "refs/x/2-b", from: a, to: b })).toBe("updated");
    expect(await refs.update({ name: "refs/x/1", from: b, to: null })).toBe("updated");
    expect(await refs.read("refs/x/1")).toBeNull();
    expect((await refs.list("refs/x/")).map(({ name }) => name)).toEqual([
      "refs/x/0",
      "refs/x/2-b",
      "refs/x/2/a",
    ]);
  });

  it("refuse a name that is another one's folder, in files and packed, and take a folder's place that is empty", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, route);
    const [a] = await commitsOf(made);
    await made.git("update-ref", "refs/x/a", a);
    await made.git("update-ref", "refs/x/b/c", a);
    for (const packed of [false, true]) {
      if (packed) await made.git("pack-refs", "--all");
      const conflict = { code: "git_ref_conflict" };
      await expect(refs.update({ name: "refs/x/a/b", from: null, to: a })).rejects.toMatchObject({
        ...conflict,
        data: { other: "refs/x/a" },
      });
      await expect(refs.update({ name: "refs/x/b", from: null, to: a })).rejects.toMatchObject(conflict);
    }
    expect(await refs.read("refs/x/a/b")).toBeNull();
    mkdirSync(join(made.path, ".git", "refs", "x", "d", "e"), { recursive: true });
    expect(await refs.update({ name: "refs/x/d", from: null, to: a })).toBe("updated");
    expect(existsSync(join(made.path, ".git", "refs", "x", "a.lock"))).toBe(false);
    expect(existsSync(join(made.path, ".git", "refs", "x", "b.lock"))).toBe(false);
  });

  it("follow symbolic refs, and write the reflogs that git would write", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, route);
    const [a, b] = await commitsOf(made);
    expect(await refs.read("HEAD")).toBe(a);
    await made.git("symbolic-ref", "refs/heads/alias", "refs/heads/other");
    expect(await refs.read("refs/heads/alias")).toBeNull();
    expect(
      await refs.update({ name: "refs/heads/other", from: null, to: b, reason: "holdfast:\ntest" }),
    ).toBe("updated");
    expect(await refs.read("refs/heads/alias")).toBe(b);
    expect(await refs.update({ name: "refs/heads/alias", from: b, to: a })).toBe("updated");
    expect(await made.git("rev-parse", "refs/heads/other")).toBe(a);
    expect(await made.git("reflog", "show", "--format=%H %gs", "refs/heads/other", "--")).toMatch(
      new RegExp(`^${a} .*\n${b} holdfast: test$`),
    );
    expect(await refs.update({ name: "refs/heads/main", from: a, to: b })).toBe("updated");
    expect(await made.git("reflog", "show", "--format=%H", "-1", "HEAD", "--")).toBe(b);
    expect(await refs.update({ name: "refs/entire/x", from: null, to: b })).toBe("updated");
    expect(existsSync(join(made.path, ".git", "logs", "refs", "entire"))).toBe(false);
    await made.git("config", "core.logAllRefUpdates", "always");
    await using later = await openRefs(made, route);
    expect(await later.update({ name: "refs/entire/y", from: null, to: b })).toBe("updated");
    expect(await made.git("reflog", "show", "--format=%H", "refs/entire/y", "--")).toBe(b);
  });

  it("refuse names and ids that git does not allow, before anything is done", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, route);
    const [a] = await commitsOf(made);
    const wrong = [
      "refs/../HEAD",
      "refs//a",
      "refs/a.lock",
      "refs/.a",
      "refs/a..b",
      "refs/a b",
      "refs/a\nb",
      "a",
      "-d",
    ];
    for (const name of [
      ...wrong,
      "refs/a@{1}",
      "refs/a/",
      "refs/a.",
      "refs/a~1",
      "refs/a\u0000b",
      "refs/heads/a^",
    ]) {
      await expect(refs.read(name)).rejects.toMatchObject({ code: "git_ref_invalid" });
      await expect(refs.update({ name, from: null, to: a })).rejects.toMatchObject({
        code: "git_ref_invalid",
      });
    }
    await expect(refs.list("refs/../")).rejects.toMatchObject({ code: "git_ref_invalid" });
    await expect(refs.list("refs/heads")).rejects.toMatchObject({ code: "git_ref_invalid" });
    await expect(refs.update({ name: "refs/a", from: null, to: "HEAD" })).rejects.toMatchObject({
      code: "git_object_invalid",
    });
  });

  it("that somebody left locked are named with the file after a bounded wait", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, route);
    const [a] = await commitsOf(made);
    const lock = join(made.path, ".git", "refs", "x", "locked.lock");
    mkdirSync(join(lock, ".."), { recursive: true });
    writeFileSync(lock, "");
    await expect(refs.update({ name: "refs/x/locked", from: null, to: a })).rejects.toMatchObject({
      code: "git_ref_locked",
      retryable: true,
      message: expect.stringContaining(lock),
    });
    expect(await refs.read("refs/x/locked")).toBeNull();
    const waiting = refs.update({ name: "refs/x/locked", from: null, to: a });
    rmSync(lock);
    expect(await waiting).toBe("updated");
  });

  it("of a linked worktree are its own where git says so", async () => {
    using made = await makeRepository("worktree");
    await using refs = await openRefs(made, route);
    const [a, b] = await commitsOf(made);
    await made.git("update-ref", "refs/bisect/bad", b);
    await made.git("update-ref", "refs/worktree/mine", a);
    const bisect = [{ name: "refs/bisect/bad", id: b }];
    expect(await refs.list("refs/bisect/")).toEqual(bisect);
    expect((await refs.list("refs/")).map(({ name }) => name)).toEqual([
      "refs/bisect/bad",
      "refs/heads/linked",
      "refs/heads/main",
      "refs/worktree/mine",
    ]);
    expect(await refs.read("refs/worktree/mine")).toBe(a);
    expect(await refs.update({ name: "refs/worktree/mine", from: a, to: b })).toBe("updated");
    await using others = await openRepository({ cwd: join(made.folder, "main"), env: gitTestEnv });
    expect(await others.refs.read("refs/worktree/mine")).toBeNull();
    expect(await others.refs.list("refs/bisect/")).toEqual([]);
  });
});

describe("A ref", () => {
  it("that many processes update at once is updated by exactly one", async () => {
    using made = await makeRepository();
    const [a, b, c] = await commitsOf(made);
    const script = fileURLToPath(new URL("../../../test/git/ref-racer.ts", import.meta.url));
    const name = "refs/entire/checkpoints/f7/a3b2c4d5e6f7";
    for (const from of [null, a]) {
      const racers = [b, c, b, c].map((to) =>
        spawn(process.execPath, [script, made.path, name, from ?? "", from === null ? a : to], {
          stdio: ["pipe", "pipe", "inherit"],
        }),
      );
      const said = racers.map((racer) => {
        let text = "";
        racer.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
        return () => text.split("\n").slice(0, -1);
      });
      while (said.some((lines) => lines().length < 1))
        await Promise.race(racers.map((racer) => once(racer.stdout, "data")));
      const ends = racers.map((racer) => once(racer, "close"));
      for (const racer of racers) racer.stdin.write("go\n");
      await Promise.all(ends);
      expect(
        said.map((lines) => lines()[1] ?? "").toSorted((one, other) => one.localeCompare(other)),
      ).toEqual(["moved", "moved", "moved", "updated"]);
    }
    expect([b, c]).toContain(await made.git("rev-parse", name));
    await made.fsckClean();
  });

  it("that a caller moves a hundred times beside git itself loses no step", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, "files");
    const [a, b] = await commitsOf(made);
    const count = { moves: 0 };
    await refs.update({ name: "refs/x/y", from: null, to: a });
    await Promise.all([
      (async () => {
        for (let round = 0; round < 5; round += 1) await made.git("pack-refs", "--all");
      })(),
      (async () => {
        for (; count.moves < 100; count.moves += 1) {
          const [from, to] = count.moves % 2 === 0 ? [a, b] : [b, a];
          expect(await refs.update({ name: "refs/x/y", from, to })).toBe("updated");
        }
      })(),
    ]);
    expect(await refs.read("refs/x/y")).toBe(a);
  });

  it("that holds nothing that git can read is told, and left out of a list", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, "files");
    const [a] = await commitsOf(made);
    const folder = join(made.path, ".git", "refs", "heads");
    for (const [name, text] of [
      ["empty", ""],
      ["zeros", "\0".repeat(41)],
      ["loop", "ref: refs/heads/loop\n"],
      ["out", "ref: ../../etc/passwd\n"],
    ] as const)
      writeFileSync(join(folder, name), text);
    for (const name of ["empty", "zeros", "loop"]) {
      await expect(refs.read(`refs/heads/${name}`)).rejects.toMatchObject({ code: "git_ref_damaged" });
    }
    await expect(refs.read("refs/heads/out")).rejects.toMatchObject({ code: "git_ref_invalid" });
    await expect(refs.update({ name: "refs/heads/empty", from: null, to: a })).rejects.toMatchObject({
      code: "git_ref_damaged",
    });
    const damaged: string[] = [];
    const listed = await refs.list("refs/heads/", { onDamaged: (name) => damaged.push(name) });
    expect(listed.map(({ name }) => name)).toEqual(["refs/heads/main"]);
    expect(damaged.toSorted()).toEqual(["empty", "loop", "out", "zeros"].map((name) => `refs/heads/${name}`));
  });

  it("whose packed name differs in case only is the same where the file system has it so", async () => {
    using made = await makeRepository();
    const [a, b] = await commitsOf(made);
    await made.git("update-ref", "refs/x/7f/ABC", a);
    await made.git("update-ref", "refs/x/8f/DEF", a);
    await made.git("pack-refs", "--all");
    await made.git("config", "core.ignoreCase", "true");
    await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
    const { refs } = repository;
    expect(await refs.read("refs/x/7F/ABC")).toBe(a);
    expect(await refs.update({ name: "refs/x/7F/ABC", from: a, to: b })).toBe("updated");
    expect(await refs.list("refs/x/")).toEqual([
      { name: "refs/x/7F/ABC", id: b },
      { name: "refs/x/8f/DEF", id: a },
    ]);
  });
});

describe("The file packed-refs", () => {
  const ids = Array.from({ length: 3 }, (_, number) => `${number}`.repeat(40));
  const write = (made: TestRepository, text: string): void =>
    writeFileSync(join(made.path, ".git", "packed-refs"), text);

  it("is read anew when it was replaced, even by one of the same size and time", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, "files");
    const path = join(made.path, ".git", "packed-refs");
    const time = new Date("2026-01-01");
    for (const id of ids) {
      rmSync(path, { force: true });
      write(made, `# pack-refs with: peeled fully-peeled sorted \n${id} refs/x/a\n`);
      utimesSync(path, time, time);
      expect(await refs.read("refs/x/a")).toBe(id);
    }
    rmSync(path);
    expect(await refs.read("refs/x/a")).toBeNull();
  });

  it("is read without its header, unsorted, with peeled lines, foreign lines and no last newline", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, "files");
    write(made, `${ids[0]} refs/x/b\n^${ids[2]}\n${ids[1]} refs/x/a\nrubbish\n${ids[2]} refs/x/c`);
    expect((await refs.list("refs/x/")).map(({ name, id }) => `${name} ${id[0]}`)).toEqual([
      "refs/x/a 1",
      "refs/x/b 0",
      "refs/x/c 2",
    ]);
    expect(await refs.read("refs/x/c")).toBe(ids[2]);
  });

  it("finds every one of many names and none that is not there, in any order of peeled lines", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, "files");
    for (let count = 0; count < 40; count += 3) {
      const names = Array.from(
        { length: count },
        (_, index) => `refs/x/${String.fromCharCode(97 + (index % 26))}${index}`,
      );
      const lines = names
        .toSorted()
        .map((name, index) => `${ids[index % 3]} ${name}\n${index % 2 === 0 ? `^${ids[0]}\n` : ""}`);
      write(made, `# pack-refs with: peeled fully-peeled sorted \n${lines.join("")}`);
      for (const name of names) {
        expect(await refs.read(name)).toBe(ids[names.toSorted().indexOf(name) % 3]);
        expect(await refs.read(`${name}0`)).toBeNull();
      }
      expect((await refs.list("refs/x/")).map(({ name }) => name)).toEqual(names.toSorted());
    }
  });

  it("with 100,000 refs is listed by a prefix and asked for one name without reading all of it again", async () => {
    using made = await makeRepository();
    await using refs = await openRefs(made, "files");
    const lines: string[] = [];
    for (let number = 0; number < 100_000; number += 1) {
      const hex = number.toString(16).padStart(5, "0");
      lines.push(`${ids[1]} refs/entire/checkpoints/${hex.slice(0, 2)}/${hex}\n`);
    }
    write(made, `# pack-refs with: peeled fully-peeled sorted \n${lines.join("")}`);
    expect(await refs.list("refs/entire/checkpoints/")).toHaveLength(100_000);
    const start = performance.now();
    for (let round = 0; round < 100; round += 1) {
      expect(await refs.read(`refs/entire/checkpoints/0a/0a${round.toString(16).padStart(3, "0")}`)).toBe(
        ids[1],
      );
    }
    expect(await refs.list("refs/entire/checkpoints/0a/")).toHaveLength(4096);
    // Parsing the whole file takes about 100 ms: a hundred times would be seen.
    expect(performance.now() - start).toBeLessThan(8000);
    expect(readFileSync(join(made.path, ".git", "packed-refs")).length).toBeGreaterThan(7_000_000);
  });
});

describe("A lock that was left", () => {
  it("does not keep another ref from being updated, nor the ref from being read", async () => {
    using made = await makeRepository();
    await using repository = await openRepository({ cwd: made.path, env: gitTestEnv });
    const [a] = await commitsOf(made);
    const { gitDir, commonDir, objectFormat } = repository;
    const refs = new FileRefs({
      gitDir,
      commonDir,
      objectFormat,
      bare: false,
      settings: settingsReader(repository.git),
      identity: repository.identity,
      through: new GitRefs(repository),
      lockWaitMs: 30,
    });
    await refs.update({ name: "refs/x/a", from: null, to: a });
    writeFileSync(join(gitDir, "refs", "x", "a.lock"), "");
    await expect(refs.update({ name: "refs/x/a", from: a, to: a })).rejects.toMatchObject({
      code: "git_ref_locked",
    });
    expect(await refs.update({ name: "refs/x/b", from: null, to: a })).toBe("updated");
    expect(await refs.read("refs/x/a")).toBe(a);
    expect(await refs.list("refs/x/")).toHaveLength(2);
  });
});
