import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync, chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { gitTestEnv, makeRepository, runTestGit } from "../../../test/git/repositories.ts";
import { createBatch } from "./object-batch.ts";
import { objectHeader, objectId } from "./object-id.ts";
import { openReader } from "./object-reader.ts";
import { ObjectStore } from "./object-store.ts";

describe("The reader of objects", () => {
  it("answers many callers at once, each with its own object, large and small, there or not", async () => {
    using made = await makeRepository();
    const contents = Array.from({ length: 200 }, (_, number) => `${number}\n`.repeat(1 + (number % 7) ** 6));
    const ids = await storeBlobs(made.path, contents);
    await using reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    const none = objectId("blob", Buffer.from("none"), "sha1");
    const read = await Promise.all(
      ids.map((id) =>
        Promise.all([reader.blob(id, { maxBytes: 1_000_000 }), reader.header(none), reader.header(id)]),
      ),
    );
    for (const [index, content] of contents.entries()) {
      const [blob, missing, header] = read[index]!;
      expect(blob?.toString()).toBe(content);
      expect(missing).toBeNull();
      expect(header).toEqual({ type: "blob", size: content.length });
    }
  });

  it("goes on after its process has died, and lets only the question fail that it died of", async () => {
    using made = await makeRepository();
    const id = await made.git("rev-parse", "HEAD:README.md");
    await using reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    expect(await reader.header(id)).toMatchObject({ type: "blob" });
    for (let round = 0; round < 3; round += 1) {
      for (const pid of childrenNamed("cat-file")) process.kill(pid, "SIGKILL");
      const answers = await Promise.allSettled(Array.from({ length: 10 }, () => reader.header(id)));
      expect(answers.filter(({ status }) => status === "rejected").length).toBeLessThanOrEqual(1);
      for (const answer of answers)
        if (answer.status === "rejected") expect(answer.reason).toMatchObject({ code: "git_failed" });
    }
    expect(await reader.header(id)).toMatchObject({ type: "blob" });
  });

  it("sees what was packed and pruned since it began, and what others wrote", async () => {
    using made = await makeRepository();
    await using reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    const id = await made.git("rev-parse", "HEAD:README.md");
    expect(await reader.header(id)).not.toBeNull();
    await made.git("gc", "-q", "--prune=now");
    expect((await reader.blob(id, { maxBytes: 100 }))?.toString()).toBe("# Version 3\n");
    const [later] = await storeBlobs(made.path, ["later"]);
    expect((await reader.blob(later!, { maxBytes: 100 }))?.toString()).toBe("later");
  });

  it("refuses a blob that is a bomb by its size alone, and one of another type", async () => {
    using made = await makeRepository();
    const bomb = Buffer.alloc(20_000_000);
    const id = objectId("blob", bomb, "sha1");
    const path = join(made.path, ".git", "objects", id.slice(0, 2), id.slice(2));
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, deflateSync(Buffer.concat([objectHeader("blob", bomb.length), bomb]), { level: 1 }));
    await using reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    await expect(reader.blob(id, { maxBytes: 10_000_000 })).rejects.toMatchObject({
      code: "git_object_too_large",
      data: { size: 20_000_000 },
    });
    const head = await made.git("rev-parse", "HEAD");
    await expect(reader.tree(head)).rejects.toMatchObject({ code: "git_object_invalid" });
    await expect(reader.blob(head, { maxBytes: 1000 })).rejects.toThrow(/is a commit, not a blob/);
    for (const wrong of ["HEAD", `${head}\ninfo ${head}`, head.toUpperCase(), head.slice(0, 39), ""])
      await expect(reader.header(wrong)).rejects.toMatchObject({ code: "git_object_invalid" });
  });

  it("fails one damaged object and reads the others", async () => {
    using made = await makeRepository();
    const [bad, good] = (await storeBlobs(made.path, [randomBytes(5000).toString("hex"), "good"])) as [
      string,
      string,
    ];
    const path = join(made.path, ".git", "objects", bad.slice(0, 2), bad.slice(2));
    chmodSync(path, 0o644);
    writeFileSync(path, readFileSync(path).subarray(0, 3000));
    await using reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    const answers = await Promise.allSettled([
      reader.blob(bad, { maxBytes: 20_000 }),
      ...Array.from({ length: 5 }, () => reader.blob(good, { maxBytes: 20_000 })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", ...Array(5).fill("fulfilled")]);
    expect(answers[0]).toMatchObject({
      reason: { code: "git_object_invalid", message: expect.stringContaining(bad) as string },
    });
  });

  it("fetches what a partial clone was promised, and says so when the remote is gone", async () => {
    using made = await makeRepository("partial clone");
    await using reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    const tree = (await reader.commit(await made.git("rev-parse", "HEAD")))!.tree;
    const [readme] = (await reader.tree(tree))!;
    expect((await reader.blob(readme!.id, { maxBytes: 1000 }))?.toString()).toBe("# Version 3\n");
    const promised = await runTestGit(join(made.folder, "origin"), ["rev-parse", "HEAD~1:README.md"]);
    renameSync(join(made.folder, "origin"), join(made.folder, "gone"));
    await expect(reader.blob(promised, { maxBytes: 1000 })).rejects.toMatchObject({
      ...{ code: "git_object_unfetched", retryable: true },
      message: expect.stringContaining(promised) as string,
    });
    expect(await reader.header(tree)).toMatchObject({ type: "tree" });
  });

  it("leaves no process behind, and says that it was closed", async () => {
    using made = await makeRepository();
    const reader = openReader({ cwd: made.path, env: gitTestEnv }, "sha1");
    const id = await made.git("rev-parse", "HEAD");
    await reader.header(id);
    expect(childrenNamed("cat-file")).toHaveLength(1);
    const asked = reader.header(id);
    await reader[Symbol.asyncDispose]();
    await expect(asked).rejects.toThrow(/closed/);
    await expect.poll(() => childrenNamed("cat-file"), { timeout: 10_000 }).toEqual([]);
    await expect(reader.header(id)).rejects.toThrow(/closed/);
  });
});

async function storeBlobs(cwd: string, contents: readonly string[]): Promise<string[]> {
  const batch = createBatch(new ObjectStore(join(cwd, ".git"), "sha1"));
  const ids = contents.map((content) => batch.blob(Buffer.from(content)));
  await batch.flush();
  return ids;
}

/** Our own living children with a word on their command line. */
function childrenNamed(word: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const [, state, parent] = /\) (\S) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        if (Number(parent) !== process.pid || state === "Z") return false;
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
      } catch {
        return false;
      }
    })
    .map(Number);
}
