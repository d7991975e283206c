import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { scriptedAgent } from "../agents/scripted/index.ts";
import { type AskOptions, inputBody } from "./input-body.ts";

const claude = { ...scriptedAgent(), name: "claude", provider: "claude-code" };
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "holdfast-body-"));
  mkdirSync(join(folder, "sub"));
  writeFileSync(join(folder, "shot.PNG"), Uint8Array.of(1, 2, 3));
  writeFileSync(join(folder, "notes"), "Grüße\n");
  writeFileSync(join(folder, "core.bin"), Uint8Array.of(0x41, 0, 0x42));
  writeFileSync(join(folder, "latin.txt"), Uint8Array.of(0xe9, 0x41));
  writeFileSync(join(folder, "half.pdf"), new Uint8Array(11_000_000));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function bodyOf(options: AskOptions): unknown {
  return JSON.parse(inputBody(claude, "Look.", options));
}

const at = (name: string): string => join(folder, name);

describe("the body of an input", () => {
  it("is the prompt alone where nothing else is said", () => {
    expect(bodyOf({})).toEqual({ prompt: "Look." });
    expect(inputBody(scriptedAgent(), "say Hi.", {})).toBe('{"prompt":"say Hi."}');
  });

  it("carries the settings, a folder by its full path, and files as their bytes with their type", () => {
    const options = {
      model: "m-1",
      permissionMode: "plan",
      cwd: folder,
      attach: [at("shot.PNG"), at("notes")],
    };
    expect(bodyOf(options)).toEqual({
      prompt: "Look.",
      model: "m-1",
      permissionMode: "plan",
      cwd: folder,
      attachments: [
        { name: "shot.PNG", mediaType: "image/png", data: "AQID" },
        { name: "notes", mediaType: "text/plain", data: Buffer.from("Grüße\n").toString("base64") },
      ],
    });
    const relative = bodyOf({ cwd: "." }) as { readonly cwd: string };
    expect(relative.cwd).toBe(process.cwd());
  });

  it.each<[string, () => AskOptions, RegExp]>([
    ["a file that is not there", () => ({ attach: [at("absent")] }), /ENOENT.*absent/],
    ["what has no end", () => ({ attach: ["/dev/zero"] }), /more than 20 MB/],
    ["a folder as a file", () => ({ attach: [at("sub")] }), /EISDIR/],
    [
      "a file of bytes that mean nothing",
      () => ({ attach: [at("core.bin")] }),
      /neither an image.*core\.bin/,
    ],
    ["a text in another encoding", () => ({ attach: [at("latin.txt")] }), /UTF-8/],
    ["files that are too large together", () => ({ attach: [at("half.pdf"), at("half.pdf")] }), /20 MB/],
    ["a folder that is not there", () => ({ cwd: at("absent") }), /--cwd names no folder/],
    ["a file as a folder", () => ({ cwd: at("notes") }), /--cwd names no folder/],
  ])("refuses %s", (_, options, message) => {
    expect(() => bodyOf(options())).toThrow(message);
  });
});
