import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { fsckClean, gitTestEnv, makeRepository, runTestGit } from "../../../test/git/repositories.ts";
import { isLong } from "../../../test/long.ts";
import { createBatch } from "./object-batch.ts";
import { objectId, type ObjectFormat } from "./object-id.ts";
import { ObjectStore } from "./object-store.ts";
import { packIndex } from "./pack-index.ts";
import type { ObjectBatch } from "./objects.ts";

const who = { name: "A", email: "a@b", atMs: 1_750_000_000_000, offset: "+0200" };

describe.each(["sha1", "sha256"] as const)("A batch of objects in a %s repository", (format) => {
  it("is written as files when it is small and as one pack when it is not, and git finds nothing wrong", async () => {
    using made = await makeRepository(format === "sha1" ? "plain" : "sha256");
    const batch = batchOf(made.path, format);
    const small = addFolder(batch, "small", 5);
    await batch.flush();
    expect(packsOf(made.path)).toEqual([]);
    const large = addFolder(batch, "large", 150);
    const alone = batch.blob(Buffer.alloc(9 * 1024 * 1024, "0123456789 "));
    await batch.flush();
    expect(packsOf(made.path).map((name) => name.replace(/^pack-[0-9a-f]+/, ""))).toEqual([".idx", ".pack"]);
    const before = filesOf(made.path);
    const again = batchOf(made.path, format);
    expect(addFolder(again, "large", 150)).toBe(large);
    expect(addFolder(again, "small", 5)).toBe(small);
    await again.flush();
    expect(filesOf(made.path)).toEqual(before);
    await made.git("update-ref", "refs/heads/small", small);
    await made.git("update-ref", "refs/heads/large", large);
    expect(await made.git("show", "refs/heads/large:149")).toBe("large 149");
    expect(await made.git("cat-file", "-s", alone)).toBe(`${9 * 1024 * 1024}`);
    await made.fsckClean();
    await made.git("index-pack", "--verify", join(".git", "objects", "pack", packsOf(made.path)[1]!));
    await made.git("repack", "-q", "-a", "-d");
    await made.fsckClean();
  });
});

describe("A batch of objects", () => {
  it("writes nothing that is there, be it loose, packed or borrowed, and marks it as used now", async () => {
    using made = await makeRepository("alternates");
    const [borrowed, message] = ["# Version 3\n", "mine"].map((text) => Buffer.from(text)) as [
      Buffer,
      Buffer,
    ];
    const batch = batchOf(made.path);
    batch.blob(message);
    await batch.flush();
    const loose = join(made.path, ".git", "objects", ...splitId(objectId("blob", message, "sha1")));
    const long = new Date("2020-01-01");
    utimesSync(loose, long, long);
    const { ino } = statSync(loose);
    for (let round = 0; round < 2; round += 1) {
      const before = filesOf(made.path);
      const again = batchOf(made.path);
      again.blob(message);
      again.blob(borrowed);
      await again.flush();
      expect(filesOf(made.path)).toEqual(before);
      if (round > 0) break;
      expect(statSync(loose).ino).toBe(ino);
      expect(statSync(loose).mtimeMs).toBeGreaterThan(Date.now() - 60_000);
      await runTestGit(made.path, ["update-ref", "refs/tags/keep", objectId("blob", message, "sha1")]);
      await runTestGit(join(made.folder, "origin"), ["gc", "-q"]);
      await runTestGit(made.path, ["repack", "-q", "-a", "-d", "-l"]);
      expect(packsOf(made.path)).not.toEqual([]);
    }
    await made.fsckClean();
  });

  it("writes again what only lies in a cruft pack, which git is about to drop", async () => {
    using made = await makeRepository();
    const content = Buffer.from("unreachable");
    const batch = batchOf(made.path);
    const id = batch.blob(content);
    await batch.flush();
    await made.git("repack", "-q", "--cruft", "-a", "-d");
    const path = join(made.path, ".git", "objects", ...splitId(id));
    expect(() => statSync(path)).toThrow(/ENOENT/);
    const again = batchOf(made.path);
    again.blob(content);
    await again.flush();
    expect(statSync(path).isFile()).toBe(true);
  });

  it("does not ask a partial clone's remote for what is new", async () => {
    using made = await makeRepository("partial clone");
    rmSync(join(made.folder, "origin"), { recursive: true });
    const batch = batchOf(made.path);
    addFolder(batch, "new", 3);
    await expect(batch.flush()).resolves.toBeUndefined();
  });

  it("names the reason when it cannot write, leaves nothing half written, and can be flushed again", async () => {
    using made = await makeRepository();
    const store = new ObjectStore(join(made.path, ".git"), "sha1");
    const objects = join(made.path, ".git", "objects");
    const batch = createBatch(store);
    const id = addFolder(batch, "later", 3);
    const blocker = join(objects, id.slice(0, 2));
    rmSync(blocker, { recursive: true, force: true });
    await runTestGit(made.path, ["config", "--file", blocker, "a.b", "c"]);
    await expect(batch.flush()).rejects.toMatchObject({ code: "git_unwritable", data: { errno: "ENOTDIR" } });
    rmSync(blocker);
    expect(filesOf(made.path).filter((name) => name.includes("tmp_"))).toEqual([]);
    await batch.flush();
    expect(await made.git("cat-file", "-t", id)).toBe("commit");
    await made.fsckClean();
  });

  it("leaves files that only git may read, and folders like git's", async () => {
    using made = await makeRepository();
    const batch = batchOf(made.path);
    const id = batch.blob(Buffer.from("mode"));
    await batch.flush();
    const path = join(made.path, ".git", "objects", ...splitId(id));
    expect(statSync(path).mode & 0o777).toBe(0o444);
    chmodSync(path, 0o644);
  });

  it(
    "that a kill stops in the middle leaves a repository in which git finds nothing wrong, and what was said stays",
    { timeout: 240_000 },
    async () => {
      using made = await makeRepository("bare");
      const script = fileURLToPath(new URL("../../../test/git/checkpoint-writer.ts", import.meta.url));
      for (let round = 0; round < (isLong ? 30 : 3); round += 1) {
        const child = spawn(process.execPath, [script, made.path, `${round}`], {
          stdio: ["ignore", "pipe", "inherit"],
        });
        let said = "";
        child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
        // After so many were said, plus a part of the next one: never the same step.
        while (said.split("\n").length < 3 + round) await once(child.stdout, "data");
        const end = once(child, "close");
        const until = performance.now() + Math.random() * 20;
        while (performance.now() < until);
        child.kill("SIGKILL");
        await end;
        await fsckClean(made.path);
        for (const line of said.split("\n").filter((text) => /^\d+ \S+$/.test(text))) {
          const [number, commit] = line.split(" ");
          expect(await made.git("rev-parse", `refs/entire/checkpoints/${round}/${number}`)).toBe(commit);
        }
      }
      await made.git("prune", "--expire=now");
      expect(filesOf(made.path).filter((name) => /tmp_obj/.test(name))).toEqual([]);
      await fsckClean(made.path);
    },
  );
});

describe("The index of a pack", () => {
  it("names what lies beyond 2 GiB as git reads it", async () => {
    using made = await makeRepository();
    const entries = [12, 0x7fffffff, 0x80000000, 5_000_000_000_000].map((offset, number) => ({
      id: objectId("blob", Buffer.from(`${number}`), "sha1"),
      offset,
      crc: number,
    }));
    const path = join(made.folder, "far.idx");
    writeFileSync(path, Buffer.concat(packIndex(entries, { checksum: Buffer.alloc(20, 7), format: "sha1" })));
    const shown = execFileSync("git", ["show-index"], {
      input: readFileSync(path),
      cwd: made.path,
      env: gitTestEnv,
    });
    expect(new Set(shown.toString().trim().split("\n"))).toEqual(
      new Set(entries.map(({ id, offset, crc }) => `${offset} ${id} (${`${crc}`.padStart(8, "0")})`)),
    );
  });
});

function batchOf(path: string, format: ObjectFormat = "sha1"): ObjectBatch {
  return createBatch(new ObjectStore(join(path, ".git"), format));
}

function addFolder(batch: ObjectBatch, name: string, count: number): string {
  const tree = batch.tree(
    Array.from({ length: count }, (_, index) => ({
      mode: "100644" as const,
      name: `${index}`,
      id: batch.blob(Buffer.from(`${name} ${index}`)),
    })),
  );
  return batch.commit({ tree, parents: [], author: who, committer: who, message: `${name}\n` });
}

function splitId(id: string): [string, string] {
  return [id.slice(0, 2), id.slice(2)];
}

function packsOf(path: string): string[] {
  return readdirSync(join(path, ".git", "objects", "pack"))
    .filter((name) => /\.(?:pack|idx)$/.test(name))
    .toSorted();
}

function filesOf(path: string): string[] {
  const top = readdirSync(path).includes("objects") ? join(path, "objects") : join(path, ".git", "objects");
  return readdirSync(top, { recursive: true, encoding: "utf8" }).toSorted();
}
