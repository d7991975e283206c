import { describe, expect, test } from "vitest";
import { checkpointInput, sessionInput, storeBlob, storeText } from "../../../test/git/checkpoint-data.ts";
import { checkpointSuite } from "../../../test/git/checkpoint-suite.ts";
import { commitByHand, filesByHand } from "../../../test/git/hand-made.ts";
import { layoutsUnderTest } from "../../../test/git/layouts.ts";
import { openedForEach } from "../../../test/git/opened-repository.ts";
import type { TestRepository } from "../../../test/git/repositories.ts";
import type { Repository } from "../plumbing/repository.ts";
import { RefsLayout } from "./refs.ts";

checkpointSuite(layoutsUnderTest["git-refs"]!);

const id = "a3b2c4d5e6f7";
const ulid = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
const ref = "refs/entire/checkpoints/f7/a3b2c4d5e6f7";
const session = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
let place: TestRepository;
let repository: Repository;
let store: RefsLayout;

// By hand from the specification, sections 2 to 4.
const root = `{
  "cli_version": "0.11.4",
  "checkpoint_id": "${id}",
  "strategy": "manual-commit",
  "branch": "feat/x",
  "checkpoints_count": 2,
  "files_touched": [
    "a\\u0026b.go"
  ],
  "sessions": [
    {
      "metadata": "/0/metadata.json",
      "transcript": "/0/full.jsonl",
      "compact_transcript": "/0/transcript.jsonl",
      "content_hash": "/0/content_hash.txt",
      "prompt": "/0/prompt.txt",
      "assets_manifest": "/0/assets/manifest.json"
    }
  ],
  "token_usage": {
    "input_tokens": 1,
    "output_tokens": 4
  },
  "token_usage_version": 2
}
`;
const metadata = `{
  "cli_version": "0.11.4",
  "checkpoint_id": "${id}",
  "session_id": "${session}",
  "strategy": "manual-commit",
  "created_at": "2026-02-03T06:21:41.461334Z",
  "branch": "feat/x",
  "checkpoints_count": 2,
  "files_touched": [
    "a\\u0026b.go"
  ],
  "agent": "Claude Code",
  "model": "",
  "checkpoint_transcript_start": 1,
  "compact_transcript_start": 0,
  "token_usage": {
    "input_tokens": 1,
    "output_tokens": 4
  }
}
`;
const hash = "sha256:9a1ddf5dd3df6af8a8c2cb25f5c26ebb5b9d9a3d2ab9c3de4e6a3c39f4ed0f50";
const files: Readonly<Record<string, string>> = {
  "metadata.json": root,
  "0/metadata.json": metadata,
  "0/full.jsonl": '{"a":1}',
  "0/full.jsonl.001": '{"b":2}\n',
  "0/transcript.jsonl": '{"v":1}\n',
  "0/content_hash.txt": hash,
  "0/prompt.txt": "One\n\n---\n\nTwo",
  "0/assets/1.png": "png",
  "0/assets/manifest.json": '{"version":1,"assets":[]}',
};

describe("one ref a checkpoint", () => {
  openedForEach((opened) => {
    ({ place, repository } = opened);
    store = new RefsLayout(repository);
  });

  test("what is written is, byte for byte, what the specification says", async () => {
    const assets = {
      manifest: await storeBlob(repository, files["0/assets/manifest.json"]!),
      files: [{ name: "1.png", id: await storeBlob(repository, "png") }],
    };
    const { chunks } = await storeText(repository, '{"a":1}', '{"b":2}\n');
    const { commit, refs } = await store.write({
      ...checkpointInput(id, []),
      cliVersion: "0.11.4",
      branch: "feat/x",
      root: { token_usage_version: 2 },
      sessions: [
        {
          sessionId: session,
          metadata: {
            token_usage: { input_tokens: 1, output_tokens: 4 },
            agent: "Claude Code",
            created_at: "2026-02-03T06:21:41.461334Z",
            compact_transcript_start: 0,
            checkpoint_transcript_start: 1,
            checkpoints_count: 2,
            files_touched: ["a&b.go", "a&b.go"],
          },
          prompts: ["One", "Two"],
          transcript: { chunks, hash },
          compact: await storeText(repository, '{"v":1}\n'),
          assets,
        },
      ],
    });
    expect(await filesByHand(repository, ref)).toEqual(files);
    expect([refs, await repository.refs.read(ref)]).toEqual([[ref], commit]);
    expect(await place.git("log", "--format=%an <%ae>|%cn <%ce>|%B", ref)).toBe(
      `C O Mitter <committer@example.com>|C O Mitter <committer@example.com>|Checkpoint: ${id}\n\nEntire-Session: ${session}\nEntire-Strategy: manual-commit\nEntire-Agent: Claude Code\n`,
    );
  });

  test("a tree that was made by hand is read, and a rewrite keeps every byte that it does not name", async () => {
    const foreign = { "0/context.md": "old", "notes.txt": "of another tool", "0/full.jsonl.bak": "x" };
    await commitByHand(repository, { ref, files: { ...files, ...foreign } });
    const stored = await store.read(id);
    expect(stored?.findings).toEqual([]);
    expect(stored?.sessions[0]).toMatchObject({ slot: 0, sessionId: session, hash });
    expect(stored?.sessions[0]?.transcript).toHaveLength(2);
    const { commit } = await store.update(
      checkpointInput(id, [{ sessionId: session, metadata: { turn_id: "0123456789ab" }, prompts: [] }], {
        cliVersion: "0.11.4",
        branch: "feat/x",
      }),
    );
    expect(await filesByHand(repository, commit)).toEqual({
      ...files,
      ...foreign,
      "0/metadata.json": metadata.replace('"model": "",\n', '"model": "",\n  "turn_id": "0123456789ab",\n'),
    });
  });

  test("the first commit of a checkpoint is an orphan, and each later one stands on the one before", async () => {
    const first = await store.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    const second = await store.write(checkpointInput(id, [await sessionInput(repository, "s2")]));
    expect(await place.git("log", "--format=%H %P", ref)).toBe(
      `${second.commit} ${first.commit}\n${first.commit} `,
    );
  });

  test("a ULID is written and listed before hex ids, and foreign refs are no checkpoints", async () => {
    const head = (await repository.refs.read("HEAD")) ?? "";
    for (const name of ["v2/main", "v2/full/current", `a3/${id}`, "readme"])
      await place.git("update-ref", `refs/entire/checkpoints/${name}`, head);
    const input = checkpointInput(id, [await sessionInput(repository, "s1")]);
    await store.write(input);
    expect((await store.write({ ...input, id: ulid })).refs).toEqual([`refs/entire/checkpoints/AV/${ulid}`]);
    expect((await store.list()).map((listed) => listed.id)).toEqual([ulid, id]);
  });

  test("an update fetches what is not here before it gives up", async () => {
    const asked: string[] = [];
    const fetching = new RefsLayout(repository, {
      fetch: async (wanted) => {
        asked.push(wanted);
        if (wanted === id) await commitByHand(repository, { ref, files });
      },
    });
    const update = checkpointInput(id, [
      { sessionId: session, metadata: { summary: { intent: "x" } }, prompts: [] },
    ]);
    expect(await fetching.update(update)).toMatchObject({ changed: true, slots: new Map([[session, 0]]) });
    await expect(fetching.update({ ...update, id: "000000000000" })).rejects.toMatchObject({
      code: "checkpoint_unknown",
    });
    await fetching.update(update);
    expect(asked).toEqual([id, "000000000000"]);
  });

  test("a session in two sparse slots is written to the later one, and a new one behind the highest", async () => {
    const record = (created: string) =>
      `{"checkpoint_id":"${id}","session_id":"${session}","created_at":"${created}","checkpoints_count":3}`;
    await commitByHand(repository, {
      ref,
      files: {
        "metadata.json": `{"checkpoint_id":"${id}","sessions":[{"metadata":"/0/metadata.json"},{"metadata":"/3/metadata.json"}]}`,
        "0/metadata.json": record("2026-02-03T10:00:00+02:00"),
        "3/metadata.json": record("2026-02-03T08:30:00Z"),
      },
    });
    expect((await store.read(id))?.findings.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["session_repeated", "slots_sparse"]),
    );
    const sessions = [
      { sessionId: session, metadata: {}, prompts: ["p"] },
      await sessionInput(repository, "new"),
    ];
    expect((await store.write(checkpointInput(id, sessions))).slots).toEqual(
      new Map([
        [session, 3],
        ["new", 4],
      ]),
    );
    const stored = await store.read(id);
    // The session that lies there twice counts once.
    expect(stored?.root.number("checkpoints_count")).toBe(4);
    expect(stored?.root.list("sessions")).toHaveLength(3);
  });

  test("a checkpoint whose root cannot be read is not rewritten, since that would lose it", async () => {
    const before = await commitByHand(repository, { ref, files: { ...files, "metadata.json": "{ torn" } });
    const write = store.write(checkpointInput(id, [await sessionInput(repository, "s1")]));
    await expect(write).rejects.toMatchObject({ code: "checkpoint_damaged" });
    expect(await repository.refs.read(ref)).toBe(before);
  });

  test("a slot that nobody can read is left to whom it belongs", async () => {
    await commitByHand(repository, { ref, files: { ...files, "0/metadata.json": "{ torn" } });
    expect((await store.write(checkpointInput(id, [await sessionInput(repository, session)]))).slots).toEqual(
      new Map([[session, 1]]),
    );
    expect(await filesByHand(repository, ref)).toMatchObject({
      "0/metadata.json": "{ torn",
      "0/full.jsonl": '{"a":1}',
    });
  });
});
