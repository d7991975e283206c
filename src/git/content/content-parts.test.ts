import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Asset, isAssetName, isPlaceholder, manifestOf, moveAssets, restoreAssets } from "./assets.ts";
import { cappedList, filesTouched } from "../format/capped-list.ts";
import { redactor, redactPrompts, redactValue } from "./redactor.ts";
import { filesWrittenBy } from "./touched-files.ts";

const key = `ghp_${"aB3d".repeat(9)}`;

describe("pictures", () => {
  const pictures = [
    Buffer.concat([Buffer.from("89504e470d0a1a0a00000000", "hex"), randomBytes(301)]),
    Buffer.concat([Buffer.from("ffd8ffe0", "hex"), randomBytes(302)]),
    Buffer.concat([Buffer.from("GIF89a"), randomBytes(303)]),
  ];

  it("leave a line and come back byte for byte", () => {
    const all = pictures.map((bytes) => bytes.toString("base64"));
    const line = JSON.stringify({
      a: all[0],
      b: [`data:image/jpeg;base64,${all[1]}`, all[2]],
      n: 1e30,
      c: "iVBORw0KGgo short",
    });
    const kept = new Map<string, Asset>();
    const moved = moveAssets(line, (asset) => kept.set(asset.name, asset));
    expect([...kept.values()].map(({ mediaType }) => mediaType)).toEqual([
      "image/png",
      "image/jpeg",
      "image/gif",
    ]);
    expect([...kept.keys()].every(isAssetName)).toBe(true);
    expect(moved.length).toBeLessThan(400);
    expect(restoreAssets(moved, (name) => kept.get(name)?.bytes)).toBe(line);
    expect(restoreAssets(moved, () => undefined)).toBe(moved);
  });

  it("stay where they would not come back the same", () => {
    const line = JSON.stringify({ a: `iVBORw0KGgo${"A".repeat(300)}*` });
    expect(moveAssets(line, () => expect.unreachable())).toBe(line);
    const open = `{"a":"iVBORw0KGgo${"A".repeat(300)}`;
    expect(moveAssets(open, () => expect.unreachable())).toBe(open);
  });

  it("are no place for anything else that a rule would find", () => {
    const assets = new Map<string, Asset>();
    const line = JSON.stringify([
      pictures[0]!.toString("base64"),
      `data:image/gif;base64,${pictures[2]!.toString("base64")}`,
    ]);
    const [png, gif] = JSON.parse(moveAssets(line, (asset) => assets.set(asset.name, asset))) as [
      string,
      string,
    ];
    expect([png, gif].map((text) => isPlaceholder(JSON.stringify(text), assets))).toEqual([true, true]);
    for (const other of [
      `${png} ${key}`,
      png.replace(/\w{32}/, key),
      gif.replace("gif;", `${key};`),
      "",
      key,
    ])
      expect(isPlaceholder(JSON.stringify(other), assets)).toBe(false);
  });

  it("are named nothing that leaves their folder", () => {
    for (const name of ["..", ".git", "a/b", "", "a\n", "x".repeat(200)])
      expect(isAssetName(name)).toBe(false);
  });

  it("are listed as the format says", () => {
    expect(manifestOf([{ name: "a.png", mediaType: "image/png", size: 3, sha256: "ab" }])).toBe(
      '{\n  "version": 1,\n  "assets": [\n    {\n      "name": "a.png",\n      "media_type": "image/png",\n      "size": 3,\n      "sha256": "ab"\n    }\n  ]\n}\n',
    );
  });
});

describe("lists of a checkpoint", () => {
  it("hold each value once, up to the limit, with the count of all", () => {
    expect(cappedList(["b", "a", "b", "", "x".repeat(5000)])).toEqual({ values: ["b", "a"], count: 2 });
    expect(filesTouched(["b", "a", "c", "a"], { max: 2 })).toEqual({
      files_touched: ["a", "b"],
      files_touched_count: 3,
    });
    expect(filesTouched(["a"])).toEqual({ files_touched: ["a"] });
  });
});

describe("redactor", () => {
  it("redacts prompts and leaves out what is empty", () => {
    expect(redactPrompts([`use ${key}`, " \n"], redactor())).toEqual(["use REDACTED"]);
  });

  it("redacts the texts of a value and keeps its shape", () => {
    expect(redactValue({ intent: key, line: 3, list: [key] }, redactor())).toEqual({
      intent: "REDACTED",
      line: 3,
      list: ["REDACTED"],
    });
    expect(redactValue(undefined, redactor())).toBeUndefined();
  });

  it("has another fingerprint with other rules, and refuses rules that are none", () => {
    const all = [redactor(), redactor({ entropy: false }), redactor({ rules: ["a"] })];
    expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(3);
    expect(redactor().fingerprint).toBe(redactor({ rules: [] }).fingerprint);
    expect(() => redactor({ rules: ["("] })).toThrow(expect.objectContaining({ code: "redaction_invalid" }));
  });
});

describe("files that tool calls write", () => {
  const patch =
    "*** Begin Patch\n*** Update File: a.ts\n*** Move to: b.ts\n@@\n*** Add File: c.ts\n*** End Patch";
  const claude = (block: object): object => ({
    type: "assistant",
    message: { content: [{ type: "tool_use", ...block }] },
  });
  const codex = (payload: object): object => ({ type: "response_item", payload });

  it.each([
    [claude({ name: "Write", input: { file_path: "a.ts" } }), ["a.ts"]],
    [claude({ name: "NotebookEdit", input: { notebook_path: "a.ipynb" } }), ["a.ipynb"]],
    [claude({ name: "Read", input: { file_path: "a.ts" } }), []],
    [claude({ name: "Write", input: { file_path: "a\u0000b" } }), []],
    [claude({ name: "ApplyPatch", input: patch }), ["a.ts", "b.ts", "c.ts"]],
    [
      {
        role: "assistant",
        message: { content: [{ type: "tool_use", name: "StrReplace", input: { path: "a.ts" } }] },
      },
      ["a.ts"],
    ],
    [codex({ type: "custom_tool_call", name: "apply_patch", input: patch }), ["a.ts", "b.ts", "c.ts"]],
    [
      codex({ type: "function_call", arguments: JSON.stringify({ command: ["apply_patch", patch] }) }),
      ["a.ts", "b.ts", "c.ts"],
    ],
    [{ type: "event_msg", payload: { type: "patch_apply_end", changes: { "/x/a.ts": {} } } }, ["/x/a.ts"]],
    [{ tool: 1, payload: { type: "function_call", arguments: "torn {" } }, []],
    [{ tool: 1, content: "text" }, []],
  ])("are found in %j", (line, files) => {
    expect(filesWrittenBy(JSON.stringify(line))).toEqual(files);
  });

  it("are none of a line that is torn or hostile", () => {
    expect(filesWrittenBy('{"tool_use": ')).toEqual([]);
    fc.assert(
      fc.property(
        fc.jsonValue(),
        (value) => void filesWrittenBy(JSON.stringify({ tool: 1, message: value, payload: value })),
      ),
    );
  });
});
