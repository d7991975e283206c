import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  checkpointInput,
  sessionInput,
  storeText,
  textOfBlobs,
} from "../../../../test/git/checkpoint-data.ts";
import { commitByHand, filesByHand } from "../../../../test/git/hand-made.ts";
import { openedForEach } from "../../../../test/git/opened-repository.ts";
import type { TestRepository } from "../../../../test/git/repositories.ts";
import { v2ArchivePrefix, v2CurrentRef, v2MainRef } from "../../format/checkpoint-refs.ts";
import { RawObject } from "../../format/raw-json.ts";
import { objectText } from "../../format/write-json.ts";
import type { Repository } from "../../plumbing/repository.ts";
import { V2Layout } from "./layout.ts";
import { pendingRotations } from "./pending.ts";
import { mendRotation } from "./rotate.ts";

const [one, two] = ["a3b2c4d5e6f7", "0123456789ab"];
const sessionId = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
let place: TestRepository;
let repository: Repository;
let store: V2Layout;

openedForEach((opened) => {
  ({ place, repository } = opened);
  store = new V2Layout(repository);
});

const pathOf = (id: string): string => `${id.slice(0, 2)}/${id.slice(2)}`;
const hashOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
const session = (id: string, keys: object): string =>
  `${JSON.stringify({ checkpoint_id: id, session_id: sessionId, created_at: "2026-02-03T06:21:41Z", ...keys }, null, 2)}\n`;
// Main as all stages have it: metadata and prompt, and a root that names them.
const mainOf = (
  id: string,
  keys: object,
  more: Record<string, string> = {},
  slot = 0,
): Record<string, string> => {
  const at = `${pathOf(id)}/${slot}`;
  const root = {
    checkpoint_id: id,
    sessions: [{ metadata: `/${at}/metadata.json`, prompt: `/${at}/prompt.txt` }],
  };
  const named = Object.fromEntries(Object.entries(more).map(([name, text]) => [`${at}/${name}`, text]));
  return {
    [`${pathOf(id)}/metadata.json`]: `${JSON.stringify(root, null, 2)}\n`,
    [`${at}/metadata.json`]: session(id, keys),
    [`${at}/prompt.txt`]: "Do it",
    ...named,
  };
};
const rawOf = (id: string, text: string, names: "final" | "earlier", slot = 0): Record<string, string> => ({
  [`${pathOf(id)}/${slot}/${names === "final" ? "raw_transcript" : "full.jsonl"}`]: text,
  [`${pathOf(id)}/${slot}/${names === "final" ? "raw_transcript_hash.txt" : "content_hash.txt"}`]:
    hashOf(text),
});
const read = async (id: string) => {
  const stored = (await store.read(id))!;
  const found = stored.sessions[0]!;
  return { stored, found, text: await textOfBlobs(repository, found.transcript) };
};

describe("what the stages of v2 have left is read", () => {
  test("the first form, which replaced its tree at each write: older checkpoints from the history", async () => {
    await commitByHand(repository, {
      ref: v2MainRef,
      files: {
        ...mainOf(
          one,
          { checkpoint_transcript_start: 2, transcript_lines_at_start: 2 },
          { "content_hash.txt": hashOf("old\n") },
        ),
        ...mainOf(two, {}, { "content_hash.txt": hashOf("new\n") }),
      },
    });
    for (const [id, text] of [
      [one, "older\n"],
      [one, "old\n"],
      [two, "new\n"],
    ] as const)
      await commitByHand(repository, { ref: v2CurrentRef, files: { [`${pathOf(id)}/0/full.jsonl`]: text } });

    const { found, text } = await read(one);
    expect([text, found.hash]).toEqual(["old\n", hashOf("old\n")]);
    expect(found.metadata.number("checkpoint_transcript_start")).toBe(2);
    expect((await read(two)).text).toBe("new\n");
  });

  test("the form that accumulates, with archives and a description in current too", async () => {
    const compact = '{"v":1}\n';
    const more = { "transcript.jsonl": compact, "transcript_hash.txt": hashOf(compact) };
    await commitByHand(repository, {
      ref: v2MainRef,
      files: { ...mainOf(one, { checkpoint_transcript_start: 7 }, more), ...mainOf(two, {}, more) },
    });
    const described = { "generation.json": '{"generation":1,"checkpoint_count":1,"checkpoints":[]}' };
    await commitByHand(repository, {
      ref: `${v2ArchivePrefix}0000000000001`,
      files: { ...described, ...rawOf(one, "1\n", "earlier") },
    });
    await commitByHand(repository, {
      ref: v2CurrentRef,
      files: { ...described, ...rawOf(two, "2\n", "earlier") },
    });

    const { found, text } = await read(one);
    expect([text, found.hash]).toEqual(["1\n", hashOf("1\n")]);
    expect(found.metadata.number("checkpoint_transcript_start")).toBe(7);
    expect(await textOfBlobs(repository, [found.compact!])).toBe(compact);
    expect((await store.list()).map(({ id }) => id)).toEqual([two, one]);
  });

  test("the last form, whose start counts compact lines and must not be taken for the raw one", async () => {
    const keys = { checkpoint_transcript_start: 3, transcript_identifier_at_start: "u-9" };
    await commitByHand(repository, {
      ref: v2MainRef,
      files: mainOf(one, keys, { "transcript.jsonl": '{"v":1}\n' }),
    });
    await commitByHand(repository, { ref: v2CurrentRef, files: rawOf(one, "a\nb\n", "final") });

    const { found, text } = await read(one);
    expect([text, found.hash]).toEqual(["a\nb\n", hashOf("a\nb\n")]);
    expect(found.metadata.number("checkpoint_transcript_start")).toBeUndefined();
    expect(found.metadata.number("compact_transcript_start")).toBe(3);
    expect(found.metadata.text("transcript_identifier_at_start")).toBe("u-9");
  });

  test("a sparse slot, and a subagent's record under it", async () => {
    await commitByHand(repository, { ref: v2MainRef, files: mainOf(one, {}, {}, 2) });
    const task = `${pathOf(one)}/2/tasks/toolu_01`;
    await commitByHand(repository, {
      ref: v2CurrentRef,
      files: {
        ...rawOf(one, "a\n", "final", 2),
        [`${task}/task.json`]: '{"tool_use_id":"toolu_01"}',
        [`${task}/agent-x.jsonl`]: "{}",
      },
    });
    const { stored, found, text } = await read(one);
    expect([found.slot, text]).toEqual([2, "a\n"]);
    expect(stored.tasks.map(({ toolUseId, transcripts }) => [toolUseId, transcripts[0]?.name])).toEqual([
      ["toolu_01", "agent-x.jsonl"],
    ]);
  });

  test("archives that are not here are asked for, once a transcript is nowhere else", async () => {
    await commitByHand(repository, { ref: v2MainRef, files: mainOf(one, {}) });
    let asked = 0;
    const fetching = new V2Layout(repository, {
      fetchArchives: async () => {
        asked += 1;
        await commitByHand(repository, {
          ref: `${v2ArchivePrefix}0000000000004`,
          files: rawOf(one, "far\n", "final"),
        });
      },
    });
    const { sessions } = (await fetching.read(one))!;
    expect(await textOfBlobs(repository, sessions[0]!.transcript)).toBe("far\n");
    await fetching.read(one);
    expect(asked).toBe(1);
  });
});

describe("what is written", () => {
  const input = async () => {
    const transcript = await storeText(repository, "1\n2", "3\n");
    const compact = await storeText(repository, '{"v":1}\n');
    const whole = await sessionInput(repository, sessionId, { transcript, compact, prompts: ["Do <it>"] });
    return {
      ...whole,
      metadata: { ...whole.metadata, checkpoint_transcript_start: 2, compact_transcript_start: 1 },
    };
  };

  test("is the last form: nothing raw on main, the slot decided there, both hashes, no trailers", async () => {
    await store.write(checkpointInput(one, [await input()]));

    const at = `${pathOf(one)}/0`;
    const main = await filesByHand(repository, v2MainRef);
    expect(Object.keys(main).toSorted()).toEqual(
      [
        `${pathOf(one)}/metadata.json`,
        ...["metadata.json", "prompt.txt", "transcript.jsonl", "transcript_hash.txt"].map(
          (name) => `${at}/${name}`,
        ),
      ].toSorted(),
    );
    expect(main[`${at}/transcript_hash.txt`]).toBe(hashOf('{"v":1}\n'));
    expect(JSON.parse(main[`${at}/metadata.json`]!)).toMatchObject({
      checkpoint_transcript_start: 1,
      raw_transcript_start: 2,
    });
    expect(main[`${at}/metadata.json`]).not.toMatch(/compact_transcript_start|transcript_lines_at_start/);
    expect((JSON.parse(main[`${pathOf(one)}/metadata.json`]!) as { sessions: unknown }).sessions).toEqual([
      {
        metadata: `/${at}/metadata.json`,
        transcript: `/${at}/transcript.jsonl`,
        content_hash: `/${at}/transcript_hash.txt`,
        prompt: `/${at}/prompt.txt`,
      },
    ]);
    expect(await filesByHand(repository, v2CurrentRef)).toEqual({
      [`${at}/raw_transcript`]: "1\n2",
      [`${at}/raw_transcript.001`]: "3\n",
      [`${at}/raw_transcript_hash.txt`]: hashOf("1\n2\n3\n"),
    });
    expect(await place.git("log", "--format=%B", v2CurrentRef)).toBe(
      `Checkpoint: ${one}\n\nInitialize v2 ref\n`,
    );
    const { found } = await read(one);
    expect(objectText(new RawObject(found.metadata.entries.filter(([key]) => key.endsWith("_start"))))).toBe(
      '{\n  "checkpoint_transcript_start": 2,\n  "compact_transcript_start": 1\n}\n',
    );
  });

  test("by the seed profile is the first form: raw lines under both names, and a tree of this write alone", async () => {
    store = new V2Layout(repository, { profile: "seed", rotateAt: 1 });
    await store.write(checkpointInput(one, [await input()]));
    await store.write(checkpointInput(two, [await input()]));

    expect(Object.keys(await filesByHand(repository, v2CurrentRef)).toSorted()).toEqual(
      ["content_hash.txt", "full.jsonl", "full.jsonl.001"].map((name) => `${pathOf(two)}/0/${name}`),
    );
    const main = await filesByHand(repository, v2MainRef);
    expect(JSON.parse(main[`${pathOf(one)}/0/metadata.json`]!)).toMatchObject({
      checkpoint_transcript_start: 2,
      transcript_lines_at_start: 2,
    });
    expect(Object.keys(main).filter((path) => path.includes("transcript"))).toEqual([]);
    const { found, text } = await read(one);
    expect([text, found.metadata.number("checkpoint_transcript_start")]).toEqual(["1\n2\n3\n", 2]);
  });

  test("over a record of an earlier form leaves one pair of names, and every key that it had", async () => {
    await commitByHand(repository, {
      ref: v2MainRef,
      files: mainOf(one, { odd: { b: 1.0, a: 2 }, transcript_lines_at_start: 5 }),
    });
    await commitByHand(repository, { ref: v2CurrentRef, files: rawOf(one, "old\n", "earlier") });

    await store.write(checkpointInput(one, [await input()]));

    const full = await filesByHand(repository, v2CurrentRef);
    expect(Object.keys(full).map((path) => path.split("/").at(-1))).toEqual([
      "raw_transcript",
      "raw_transcript.001",
      "raw_transcript_hash.txt",
    ]);
    const { found } = await read(one);
    expect(found.metadata.object("odd")?.keys).toEqual(["b", "a"]);
    expect(found.metadata.number("checkpoint_transcript_start")).toBe(2);
    expect((await store.list()).length).toBe(1);
  });
});

test("a write looks at no more commits however many rotations wait for a push", async () => {
  const rotating = new V2Layout(repository, { rotateAt: 2 });
  const read: number[] = [];
  for (let n = 1; n <= 7; n += 1) {
    const id = `${n}`.repeat(12);
    await rotating.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    if (n % 2 === 1 && n > 1) read.push(await commitsReadToMend());
  }
  expect(await pendingRotations(repository.commonDir)).toHaveLength(3);
  expect(read[2]).toBe(read[0]);
});

async function commitsReadToMend(): Promise<number> {
  let count = 0;
  const objects = Object.assign(Object.create(repository.objects) as typeof repository.objects, {
    commit: (id: string) => {
      count += 1;
      return repository.objects.commit(id);
    },
  });
  await mendRotation({ ...repository, objects });
  return count;
}
