import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { promptContent } from "./prompt-content.ts";
import { type Attachment, readRequest } from "./turn-request.ts";

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "holdfast-attachments-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const png = Buffer.from("\x89PNG\r\n\x1a\n0000", "latin1");
const contentOf = (...attachments: Attachment[]) => promptContent({ prompt: "Look.", attachments }, cwd);
const text = { type: "text", text: "Look." };

describe("a prompt's content", () => {
  test("is its text alone where nothing is attached", async () => {
    expect(await contentOf()).toBe("Look.");
  });

  test("has images by their bytes, whatever they are called", async () => {
    writeFileSync(join(cwd, "photo.txt"), png);
    const image = {
      type: "image",
      source: { type: "base64", media_type: "image/png", data: png.toString("base64") },
    };
    expect(await contentOf({ path: "photo.txt" }, { data: png.toString("base64") })).toEqual([
      image,
      image,
      text,
    ]);
  });

  test("has texts and PDFs as documents, under their names", async () => {
    writeFileSync(join(cwd, "notes.md"), "# Nötes\n");
    writeFileSync(join(cwd, "paper.pdf"), "%PDF-1.7\n");
    expect(await contentOf({ path: "notes.md" }, { path: join(cwd, "paper.pdf") })).toEqual([
      {
        type: "document",
        source: { type: "text", media_type: "text/plain", data: "# Nötes\n" },
        title: "notes.md",
      },
      {
        type: "document",
        source: {
          type: "base64",
          media_type: "application/pdf",
          data: Buffer.from("%PDF-1.7\n").toString("base64"),
        },
        title: "paper.pdf",
      },
      text,
    ]);
  });

  test("has what came as bytes under the name that it was given", async () => {
    const data = Buffer.from('{"a":1}').toString("base64");
    const [named, unnamed] = await contentOf({ data, name: "a.json" }, { data });
    expect([named, unnamed]).toMatchObject([{ title: "a.json" }, { title: "attachment 2" }]);
  });

  test.each<[string, Attachment, string]>([
    ["a file that is not there", { path: "missing.png" }, "missing.png cannot be read"],
    ["a folder", { path: "." }, "is no regular file"],
    ["what is no base64", { data: "no base64!" }, "attachment 1 is not in base64"],
    ["what no model reads", { data: Buffer.from("\0\x01").toString("base64") }, "no image, PDF or text"],
    ["text that is no UTF-8", { data: "/w==", mediaType: "text/plain" }, "is no UTF-8 text"],
    [
      "an image that is too large",
      { data: Buffer.concat([png, Buffer.alloc(3_750_000)]).toString("base64") },
      "3750000",
    ],
    ["a text that is too large", { data: Buffer.alloc(2_000_001, "a").toString("base64") }, "2000000"],
  ])("refuses %s", async (_, attachment, message) => {
    await expect(contentOf(attachment)).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining(message),
    });
  });

  test.runIf(process.platform !== "win32")("refuses a pipe, and does not wait for its writer", async () => {
    execFileSync("mkfifo", [join(cwd, "pipe")]);
    await expect(contentOf({ path: "pipe" })).rejects.toMatchObject({
      message: expect.stringContaining("is no regular file"),
    });
  });

  test("refuses files that are too large together", async () => {
    const data = Buffer.concat([Buffer.from("%PDF-"), Buffer.alloc(12_000_000)]).toString("base64");
    await expect(contentOf({ data }, { data })).rejects.toMatchObject({
      message: expect.stringContaining("together"),
    });
  });
});

describe("an input's body", () => {
  const read = (body: object | null) =>
    readRequest({ id: "1", key: "k", body: JSON.stringify(body) }, { allowsBypass: false });

  test("is a prompt, and what is chosen for its turn", () => {
    const body = {
      prompt: "Go.",
      model: "m",
      cwd,
      attachments: [{ path: "a", mediaType: "text/plain" }],
    };
    expect(read(body)).toEqual(body);
    expect(read({ prompt: "Go.", model: null })).toEqual({ prompt: "Go.", attachments: [] });
    expect(read({ attachments: [{ path: "a" }] })).toEqual({ prompt: "", attachments: [{ path: "a" }] });
  });

  test.each<[object | null, string]>([
    [null, "body is no JSON object"],
    [["Go."], "body is no JSON object"],
    [{}, "prompt is empty"],
    [{ prompt: "" }, "prompt is empty"],
    [{ prompt: " \n" }, "prompt is empty"],
    [{ prompt: 5 }, "prompt is no text"],
    [{ prmpt: "Go." }, "prmpt is unknown: it may have prompt, attachments, model"],
    [{ attachments: [{ path: "a", mediatype: "image/png" }] }, "attachments[0].mediatype is unknown"],
    [{ prompt: "Go.", permissionMode: "sudo" }, "permissionMode is none of default, acceptEdits"],
    [{ prompt: "Go.", permissionMode: "bypassPermissions" }, "which this backend does not allow"],
    [{ attachments: "a.png" }, "attachments is no list"],
    [{ attachments: ["a.png"] }, "attachments[0] is no object"],
    [{ attachments: [{}] }, "not one of `path` and `data`"],
    [{ attachments: [{ path: "a", data: "" }] }, "attachments[0].data is no text"],
    [{ model: 3 }, "model is no text"],
    [{ cwd: "" }, "cwd is no text"],
    [{ cwd: "/no/such/folder" }, "cwd is no folder"],
    [{ cwd: "\0" }, "cwd is no folder"],
    [{ cwd: `/${"long".repeat(100)}` }, "cwd is no folder"],
  ])("that is %j is refused", (body, message) => {
    expect(() => read(body)).toThrow(message);
  });
});
