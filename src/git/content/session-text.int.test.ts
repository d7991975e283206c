import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { openedForAll } from "../../../test/git/opened-repository.ts";
import { isLong } from "../../../test/long.ts";
import type { StoredText } from "../checkpoint-store.ts";
import type { Repository } from "../plumbing/repository.ts";
import { redactor } from "./redactor.ts";
import { SessionText, type TakenText, type TakeParams } from "./session-text.ts";
import { storedLines } from "./stored-lines.ts";

const key = `ghp_${"aB3d".repeat(9)}`;
let repository: Repository;
let folder: string;
let transcript: string;

openedForAll((opened) => ({ repository } = opened));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-content-"));
  transcript = join(folder, "transcript.jsonl");
  return () => rmSync(folder, { recursive: true, force: true });
});

function line(n: number, text = "says something"): string {
  return JSON.stringify({ type: "user", uuid: `u${n}`, message: { role: "user", content: `${n} ${text}` } });
}

function lines(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, at) => `${line(from + at)}\n`).join("");
}

async function take(params: Partial<TakeParams> = {}, rules: readonly string[] = []): Promise<TakenText> {
  const text = new SessionText({ folder: join(folder, "own"), redactor: redactor({ rules }) });
  const { objects } = repository;
  const given = params.content === undefined ? { path: transcript } : {};
  const taken = await text.take({ ...given, objects, batch: repository.batch(), ...params });
  await taken.keep();
  return taken;
}

async function wholeOf(text: StoredText | undefined): Promise<string> {
  const parts: string[] = [];
  for (const { id, bytes } of text?.chunks ?? []) {
    const content = await repository.objects.blob(id, { maxBytes: 1 << 30 });
    expect(content?.length).toBe(bytes);
    parts.push(content!.toString());
  }
  const whole = parts.join("\n");
  if (text !== undefined)
    expect(text.hash).toBe(`sha256:${createHash("sha256").update(whole).digest("hex")}`);
  return whole;
}

describe("SessionText", () => {
  it("names the chunks of earlier checkpoints again and adds one for what is new", async () => {
    writeFileSync(transcript, lines(0, 10));
    const first = await take();
    appendFileSync(transcript, lines(10, 15));
    const second = await take();
    expect(second).toMatchObject({ lines: 15, newLines: 5, restarted: false, format: "jsonl" });
    expect(second.text?.chunks).toHaveLength(2);
    expect(second.text?.chunks[0]).toEqual(first.text?.chunks[0]);
    expect(second.newBytes).toBe(lines(10, 15).length - 1);
    expect(await wholeOf(second.text)).toBe(lines(0, 15).trimEnd());
  });

  it("stores nothing again of a transcript that has not grown", async () => {
    writeFileSync(transcript, lines(0, 10));
    const first = await take();
    const second = await take();
    expect(second).toMatchObject({ newLines: 0, newBytes: 0, restarted: false });
    expect(second.text).toEqual(first.text);
  });

  it("leaves a line that is still being written for the next checkpoint", async () => {
    writeFileSync(transcript, `${lines(0, 2)}{"type":"us`);
    expect((await take()).lines).toBe(2);
    appendFileSync(transcript, 'er"}\n');
    expect(await wholeOf((await take()).text)).toBe(`${lines(0, 2)}{"type":"user"}`);
  });

  it("takes the last line without its end where nobody writes any more, and once more whole where somebody did", async () => {
    writeFileSync(transcript, `${lines(0, 2)}{"type":"us`);
    expect(await wholeOf((await take({ final: true })).text)).toBe(`${lines(0, 2)}{"type":"us`);
    appendFileSync(transcript, `er"}\n${line(9)}`);
    const taken = await take({ final: true });
    expect(await wholeOf(taken.text)).toBe(`${lines(0, 2)}{"type":"user"}\n${line(9)}`);
    expect(taken).toMatchObject({ lines: 4, restarted: false });
  });

  it("begins anew where an earlier line was changed or the transcript is shorter", async () => {
    writeFileSync(transcript, lines(0, 10));
    await take();
    writeFileSync(transcript, lines(0, 12).replace("3 says", "3 said"));
    const rewritten = await take();
    expect(rewritten).toMatchObject({ lines: 12, newLines: 12, restarted: true });
    expect(await wholeOf(rewritten.text)).toContain("3 said");
    writeFileSync(transcript, lines(0, 3));
    expect(await take()).toMatchObject({ lines: 3, restarted: true });
  });

  it("begins anew where other rules redacted the text, so that nothing stays that they would have found", async () => {
    writeFileSync(transcript, lines(0, 3));
    await take();
    const taken = await take({}, ["says"]);
    expect(taken.restarted).toBe(true);
    expect(await wholeOf(taken.text)).not.toContain("says");
  });

  it("begins anew where the state is damaged, or a chunk is gone from the repository", async () => {
    writeFileSync(transcript, lines(0, 3));
    const state = join(folder, "own", "text.json");
    for (const damage of ["", "{", "[]", '{"version":1}', "null"]) {
      await take();
      writeFileSync(state, damage);
      expect(await take()).toMatchObject({ lines: 3, restarted: true });
    }
    writeFileSync(
      state,
      readFileSync(state, "utf8").replace(/"id":"[0-9a-f]{40}"/, `"id":"${"1".repeat(40)}"`),
    );
    const taken = await take();
    expect(taken.restarted).toBe(true);
    expect(await wholeOf(taken.text)).toBe(lines(0, 3).trimEnd());
  });

  it("remembers nothing before its blobs are durable", async () => {
    writeFileSync(transcript, lines(0, 3));
    const text = new SessionText({ folder: join(folder, "own"), redactor: redactor() });
    const batch = repository.batch();
    await text.take({ path: transcript, objects: repository.objects, batch });
    expect((await take()).restarted).toBe(true);
  });

  it("gives the same text to two processes that take it at once, and a whole state to the next", async () => {
    writeFileSync(transcript, lines(0, 200));
    const both = await Promise.all([take(), take(), take(), take()]);
    for (const taken of both) expect(await wholeOf(taken.text)).toBe(lines(0, 200).trimEnd());
    appendFileSync(transcript, lines(200, 201));
    expect(await take()).toMatchObject({ lines: 201, newLines: 1 });
    expect(readdirSync(join(folder, "own"))).toEqual(["text.json"]);
  });

  it("keeps what it remembers for this user alone", async () => {
    writeFileSync(transcript, lines(0, 3));
    await take();
    expect(statSync(join(folder, "own")).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "own", "text.json")).mode & 0o777).toBe(0o600);
  });

  it("redacts before anything becomes an object, and tells each new line as it is stored", async () => {
    writeFileSync(transcript, `${line(0, key)}\n${line(1, `password=${"hunter2"}`)}\nno JSON ${key}\n`);
    const told: [string, number][] = [];
    const taken = await take({ onLine: (text, number) => told.push([text, number]) });
    const whole = await wholeOf(taken.text);
    expect(whole).not.toContain(key);
    expect(whole).not.toContain("hunter2");
    expect(told.map(([text]) => text).join("\n")).toBe(whole);
    expect(told.map(([, number]) => number)).toEqual([0, 1, 2]);
    appendFileSync(transcript, lines(3, 4));
    await take({ onLine: (text, number) => told.push([text, number]) });
    expect(told.at(-1)).toEqual([line(3), 3]);
  });

  it("takes the encrypted reasoning of Codex out and leaves text about it", async () => {
    const about = JSON.stringify({ text: 'the key "encrypted_content": "abc" is left out' });
    writeFileSync(
      transcript,
      `{"payload":{"encrypted_content":"gAAAAB/x+=","n":12345678901234567890}}\n${about}\n`,
    );
    expect(await wholeOf((await take()).text)).toBe(
      `{"payload":{"encrypted_content":null,"n":12345678901234567890}}\n${about}`,
    );
  });

  it("moves a picture out once, however often it is told", async () => {
    const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a0000000d", "hex"), randomBytes(300)]);
    const encoded = picture.toString("base64");
    const block = { type: "image", source: { type: "base64", media_type: "image/png", data: encoded } };
    const url = { type: "input_image", image_url: `data:image/png;base64,${encoded}` };
    writeFileSync(transcript, `${JSON.stringify([block, url])}\n`);
    const first = await take();
    appendFileSync(transcript, `${JSON.stringify([block])}\n`);
    const taken = await take();
    const whole = await wholeOf(taken.text);
    expect(taken.assets).toHaveLength(1);
    expect(taken.assets).toEqual(first.assets);
    const { id, name, size } = taken.assets[0]!;
    expect(await repository.objects.blob(id, { maxBytes: size })).toEqual(picture);
    expect(whole).toContain(`"data":"entire-asset:assets/${name}"`);
    expect(whole).toContain(`"data:image/png;base64,entire-asset:assets/${name}"`);
    expect(whole).not.toContain(encoded);

    const kept = await take({ keepsPictures: true }, ["[A-Z][a-z]"]);
    expect(kept).toMatchObject({ restarted: true, assets: [] });
    const text = await wholeOf(kept.text);
    expect(text).toContain(`"data":"${encoded}"`);
    expect(text).toContain(`"data:image/png;base64,${encoded}"`);
  });

  it.each([true, false])(
    "loses no picture to a rule that its name fits, kept in its line: %s",
    async (keepsPictures) => {
      const pictures = [1, 2].map((n) =>
        Buffer.concat([Buffer.from("89504e470d0a1a0a00", "hex"), randomBytes(300 + n)]),
      );
      const encoded = pictures.map((bytes) => bytes.toString("base64"));
      const hex = "0123456789abcdef".repeat(2);
      writeFileSync(
        transcript,
        `${JSON.stringify({ images: encoded, url: `data:image/png;base64,${encoded[0]}`, hex })}\n`,
      );
      const { text, assets } = await take({ keepsPictures }, ["\\b[0-9a-f]{32}\\b", "entire"]);
      const stored = JSON.parse(await wholeOf(text)) as { images: string[]; url: string; hex: string };
      const places = keepsPictures ? encoded : assets.map(({ name }) => `entire-asset:assets/${name}`);
      expect(stored).toEqual({ images: places, url: `data:image/png;base64,${places[0]}`, hex: "REDACTED" });
    },
  );

  it("takes one JSON document whole, whoever is said to have written it", async () => {
    const document = JSON.stringify({ messages: [{ type: "user", content: `use ${key}` }] }, undefined, 2);
    for (const content of [document, JSON.stringify(JSON.parse(document))]) {
      const taken = await take({ content: Buffer.from(content) });
      expect(taken).toMatchObject({ format: "document", restarted: true });
      expect(await wholeOf(taken.text)).toBe(content.replace(key, "REDACTED"));
    }
  });

  it("leaves a line out that no checkpoint may hold, and says which", async () => {
    writeFileSync(transcript, `${line(0)}\n${line(1, "x".repeat(5_000_000))}\n${line(2)}\n`);
    const taken = await take({ maxLineBytes: 1_000_000 });
    expect(taken.omitted).toEqual([{ line: 1, bytes: line(1, "x".repeat(5_000_000)).length + 1 }]);
    const [before, omitted, after] = (await wholeOf(taken.text)).split("\n");
    expect([before, after]).toEqual([line(0), line(2)]);
    expect(JSON.parse(omitted!)).toMatchObject({ type: "holdfast_omitted" });
    expect((await take({ maxLineBytes: 1_000_000 })).newLines).toBe(0);
  });

  it("keeps the bytes of what is no UTF-8", async () => {
    const bytes = Buffer.concat([
      Buffer.from(`{"a":"${key} \\u2192 `),
      Buffer.from([0xff, 0xfe, 0xc3]),
      Buffer.from('"}\n'),
    ]);
    writeFileSync(transcript, bytes);
    const taken = await take();
    const { id } = taken.text!.chunks[0]!;
    const stored = await repository.objects.blob(id, { maxBytes: 1000 });
    expect(stored?.toString("latin1")).toBe(bytes.toString("latin1").replace(key, "REDACTED").trimEnd());
  });

  it("says which transcript cannot be read", async () => {
    await expect(take()).rejects.toMatchObject({ code: "git_content_invalid", data: { path: transcript } });
    execFileSync("mkfifo", [join(folder, "pipe")]);
    await expect(take({ path: join(folder, "pipe") })).rejects.toMatchObject({ code: "git_content_invalid" });
    await expect(take({ path: folder })).rejects.toMatchObject({ code: "git_content_invalid" });
  });

  it("has no text of a transcript without one whole line", async () => {
    writeFileSync(transcript, "");
    expect(await take()).toMatchObject({ text: undefined, lines: 0 });
    writeFileSync(transcript, '{"type"');
    expect((await take()).text).toBeUndefined();
  });

  it("merges small chunks when there are more than a tree should name, without a change to the text", async () => {
    let written = "";
    for (let n = 0; n < 13; n += 1) {
      written += lines(n, n + 1);
      await take({ content: Buffer.from(written), maxChunks: 10 });
    }
    const taken = await take({ content: Buffer.from(written) });
    expect(taken.text!.chunks.length).toBeLessThan(4);
    expect(taken).toMatchObject({ lines: 13, newLines: 0, restarted: false });
    expect(await wholeOf(taken.text)).toBe(written.trimEnd());
  });

  it("reads stored lines from any number on", async () => {
    writeFileSync(transcript, lines(0, 4));
    await take();
    appendFileSync(transcript, lines(4, 9));
    const { chunks } = await take();
    for (let from = 0; from <= 10; from += 1) {
      const read: string[] = [];
      for await (const text of storedLines(chunks, repository.objects)(from)) read.push(text);
      expect(read).toEqual(Array.from({ length: Math.max(0, 9 - from) }, (_, at) => line(from + at)));
    }
    const gone = [{ ...chunks[0]!, id: "2".repeat(40) }];
    await expect(storedLines(gone, repository.objects)(0).next()).rejects.toMatchObject({
      code: "git_content_invalid",
    });
  });

  it("stores the same text however it grew", { timeout: isLong ? 300_000 : 30_000 }, async () => {
    const pieces = fc.array(fc.string({ unit: fc.constantFrom("a", "\n", '"', "{", "é", "\\") }), {
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(pieces, async (texts) => {
        rmSync(join(folder, "own"), { recursive: true, force: true });
        let written = "x\n";
        for (const text of texts) {
          written += text;
          await take({ content: Buffer.from(written) });
        }
        const taken = await take({ content: Buffer.from(written), final: true });
        rmSync(join(folder, "own"), { recursive: true, force: true });
        const anew = await take({ content: Buffer.from(written), final: true });
        expect(await wholeOf(taken.text)).toBe(await wholeOf(anew.text));
        expect(taken.lines).toBe(anew.lines);
      }),
      { numRuns: isLong ? 200 : 8 },
    );
  });
});
