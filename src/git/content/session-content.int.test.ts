import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { openedForAll } from "../../../test/git/opened-repository.ts";
import { contentHashOf } from "../format/hash.ts";
import type { Repository } from "../plumbing/repository.ts";
import { redactor } from "./redactor.ts";
import { sessionContent, type SessionContent, type SessionContentParams } from "./session-content.ts";

const key = `ghp_${"aB3d".repeat(9)}`;
let repository: Repository;
let folder: string;
let path: string;

openedForAll((opened) => ({ repository } = opened), "sha256");

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-session-"));
  path = join(folder, "transcript.jsonl");
  return () => rmSync(folder, { recursive: true, force: true });
});

async function content(params: Partial<SessionContentParams> = {}): Promise<SessionContent> {
  const [own, { objects }, batch] = [join(folder, "own"), repository, repository.batch()];
  const given = { folder: own, redactor: redactor(), objects, batch, path, prompts: [], cliVersion: "1" };
  const made = await sessionContent({ ...given, ...params });
  await made.keep();
  return made;
}

async function blob(id: string | undefined): Promise<Buffer> {
  return (await repository.objects.blob(id!, { maxBytes: 1 << 26 }))!;
}

function turn(n: number, file: string): string {
  const message = {
    id: `msg_${n}`,
    model: "claude-x",
    role: "assistant",
    usage: { input_tokens: n, output_tokens: 1 },
    content: [{ type: "tool_use", id: `t${n}`, name: "Write", input: { file_path: file, content: key } }],
  };
  const asked = { type: "user", uuid: `u${n}`, message: { role: "user", content: `do ${n} with ${key}` } };
  return [asked, { type: "assistant", uuid: `a${n}`, requestId: `r${n}`, message }]
    .map((line) => `${JSON.stringify(line)}\n`)
    .join("");
}

describe("sessionContent", () => {
  it("gives a checkpoint the whole session, and of its own part the tokens, the files and where it begins", async () => {
    writeFileSync(path, turn(1, "a.ts"));
    const first = await content({ prompts: [`do 1 with ${key}`] });
    expect(first.input.prompts).toEqual(["do 1 with REDACTED"]);
    expect(first).toMatchObject({ lines: 2, compactLines: 2, files: ["a.ts"] });
    appendFileSync(path, turn(20, "b.ts"));
    const second = await content({ partFrom: first.lines });
    expect(second.files).toEqual(["b.ts"]);
    expect(second.metadata).toMatchObject({
      model: "claude-x",
      token_usage: { input_tokens: 20, output_tokens: 1, api_call_count: 1 },
      checkpoint_transcript_start: 2,
      transcript_identifier_at_start: "a1",
    });
    expect(second.root).toEqual({ token_usage_version: 2 });
    expect(second).toMatchObject({ lines: 4, compactLines: 4, restarted: false });
  });

  it("tells a last line whole that was cut off when the session had ended, and went on later", async () => {
    const whole = turn(1, "a.ts") + turn(2, "b.ts");
    writeFileSync(path, turn(1, "a.ts").slice(0, -30));
    expect(await content({ final: true })).toMatchObject({ lines: 2, compactLines: 1 });
    writeFileSync(path, whole);
    const grown = await content();
    expect(grown).toMatchObject({ lines: 4, compactLines: 4, restarted: false });
    const anew = await content({ folder: join(folder, "anew") });
    expect(grown.input.compact).toEqual(anew.input.compact);
  });

  it("leaves no secret in any object", async () => {
    writeFileSync(path, turn(1, "a.ts") + turn(2, "b.ts"));
    const { input } = await content();
    for (const { id } of [...input.transcript!.chunks, ...input.compact!.chunks])
      expect((await blob(id)).includes(key)).toBe(false);
    expect(input.compact!.hash).toBe(contentHashOf([await blob(input.compact!.chunks[0]!.id)]));
  });

  it("makes the compact transcript anew after a rewritten one, even if the process ended in between", async () => {
    writeFileSync(path, Array.from({ length: 80 }, (_, n) => turn(n, "old.ts")).join(""));
    await content();
    writeFileSync(path, Array.from({ length: 90 }, (_, n) => turn(n, "new.ts")).join(""));
    await content({ compact: false });
    const { input } = await content();
    expect((await blob(input.compact!.chunks[0]!.id)).includes("old.ts")).toBe(false);
  });

  it("stores one file for readers that do not reassemble", async () => {
    writeFileSync(path, turn(1, "a.ts"));
    await content({ form: "whole" });
    appendFileSync(path, turn(2, "b.ts"));
    const { input } = await content({ form: "whole" });
    expect(input.transcript!.chunks).toHaveLength(1);
    expect(input.transcript!.hash).toBe(contentHashOf([await blob(input.transcript!.chunks[0]!.id)]));
  });

  it("stores pictures beside the transcript with a list of them", async () => {
    const data = Buffer.concat([Buffer.from("89504e470d0a1a0a0000000d", "hex"), Buffer.alloc(300, 7)]);
    const block = { type: "image", source: { type: "base64", data: data.toString("base64") } };
    writeFileSync(path, `${JSON.stringify({ type: "user", message: { role: "user", content: [block] } })}\n`);
    const { assets } = (await content()).input;
    expect(await blob(assets!.files[0]!.id)).toEqual(data);
    expect(JSON.parse((await blob(assets!.manifest)).toString())).toMatchObject({
      version: 1,
      assets: [{ name: assets!.files[0]!.name, media_type: "image/png", size: data.length }],
    });
  });

  it("has a transcript of a document, and neither a compact one nor tokens that it cannot tell", async () => {
    writeFileSync(path, JSON.stringify({ messages: [{ content: key }] }, undefined, 2));
    const made = await content();
    expect(made.input.compact).toBeUndefined();
    expect((await blob(made.input.transcript!.chunks[0]!.id)).includes(key)).toBe(false);
    expect(made.metadata).toEqual({ model: "", checkpoint_transcript_start: 0 });
  });

  it("takes no part from behind the end of a transcript that became shorter", async () => {
    writeFileSync(path, turn(1, "a.ts"));
    expect((await content({ partFrom: 99 })).metadata).toMatchObject({ checkpoint_transcript_start: 2 });
  });
});
