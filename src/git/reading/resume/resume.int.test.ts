import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkpointInput, sessionInput, storeBlob, storeText } from "../../../../test/git/checkpoint-data.ts";
import { claudeTranscript, prompt, says, Story } from "../../../../test/git/story.ts";

import { sessionContent } from "../../content/session-content.ts";
import { repositoryRedactor } from "../../flow/redaction-rules.ts";
import type { AgentHomes } from "./agent-files.ts";
import { findSession } from "./find-session.ts";
import { resume, type Resumed } from "./resume.ts";

const id = "a1b2c3d4e5f6";
const session = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
let story: Story;
let homes: AgentHomes;

beforeEach(async () => {
  story = await Story.make();
  homes = { claude: join(story.folder, "claude"), codex: join(story.folder, "codex") };
});
afterEach(async () => {
  await story[Symbol.asyncDispose]();
});

async function put({
  name = id,
  force = false,
  session: wanted,
}: { name?: string; force?: boolean; session?: string } = {}): Promise<Resumed> {
  const { repository, source, index, path: folder } = story;
  const found = await findSession({
    repository,
    source,
    index,
    name,
    ...(wanted === undefined ? {} : { session: wanted }),
  });
  return resume({ repository, found, homes, folder, force, nowMs: 1_770_000_000_000 });
}

// Put together, so that no scanner takes it for a secret.
const random = `qW3eR5tY${"7uI9oP1aS2dF4gH6jK8lZ"}xCvBnM`;
const lines = [prompt("Begin."), says("Begun."), prompt("Go on."), says("Gone on.")];

function transcript(count: number, of: readonly object[] = lines): string {
  return claudeTranscript(session, of.slice(0, count));
}

function created(time: string): Readonly<Record<string, string>> {
  return { created_at: `2026-02-03T${time}:00Z` };
}

/** The session's file as Claude Code names it. */
function filePath(): string {
  return join(homes.claude, "projects", story.path.replaceAll(/[^a-zA-Z0-9]/g, "-"), `${session}.jsonl`);
}

function writeFile(text: string): void {
  mkdirSync(dirname(filePath()), { recursive: true });
  writeFileSync(filePath(), text);
}

describe("resume", () => {
  it("writes Claude Code's file where it looks for it, with this machine's folder, for this user alone", async () => {
    await story.checkpoint({
      id,
      sessions: [{ sessionId: `2026-02-03-${session}`, transcript: transcript(4) }],
    });
    const done = await put();
    expect(done).toMatchObject({
      outcome: "written",
      path: filePath(),
      lines: 4,
      command: ["claude", "--resume", session],
    });
    const text = readFileSync(filePath(), "utf8");
    expect(text).toBe(claudeTranscript(session, lines, story.path));
    expect(statSync(filePath()).mode & 0o777).toBe(0o600);
    expect(readdirSync(dirname(filePath()))).toHaveLength(1);
    expect((await put()).outcome).toBe("there");
  });

  it("adds what is missing to a file that is the beginning, and keeps the file's own unredacted lines", async () => {
    const secret = "Begin with sk-ant-REDACTED";
    const own = transcript(2, [prompt(secret), ...lines.slice(1)]);
    writeFile(own.trimEnd());
    await story.checkpoint({
      id,
      sessions: [
        {
          sessionId: session,
          transcript: transcript(4, [prompt("Begin with REDACTED"), ...lines.slice(1)]),
        },
      ],
    });
    expect(await put()).toMatchObject({ outcome: "extended", lines: 2 });
    const text = readFileSync(filePath(), "utf8");
    expect(text.startsWith(own)).toBe(true);
    expect(text.trimEnd().split("\n")).toHaveLength(4);
  });

  it.each(["", "\n"])(
    "leaves every byte that the agent wrote as it is, the file ending with %j",
    async (end) => {
      const [first, second] = transcript(2).trimEnd().split("\n") as [string, string];
      const [before, after] = second.split("Begun.") as [string, string];
      // An invalid byte, an empty line, and no newline at the end.
      const parts = [`${first}\n\n${before}Begun.`, Buffer.from([0xff, 0xc3]), `${after}${end}`];
      const own = Buffer.concat(parts.map((part) => Buffer.from(part)));
      mkdirSync(dirname(filePath()), { recursive: true });
      writeFileSync(filePath(), own);
      await story.checkpoint({ id, sessions: [{ sessionId: session, transcript: transcript(3) }] });
      expect(await put()).toMatchObject({ outcome: "extended", lines: 1 });
      const added = claudeTranscript(session, lines.slice(0, 3), story.path).trimEnd().split("\n").at(-1)!;
      const rest = Buffer.from(`${end === "" ? "\n" : ""}${added}\n`);
      expect(readFileSync(filePath()).equals(Buffer.concat([own, rest]))).toBe(true);
    },
  );

  it("never touches a file that has more than the checkpoint", async () => {
    const more = transcript(4);
    writeFile(more);
    await story.checkpoint({ id, sessions: [{ sessionId: session, transcript: transcript(2) }] });
    for (const force of [false, true]) {
      expect(await put({ force })).toMatchObject({ outcome: "there", lines: 0 });
      expect(readFileSync(filePath(), "utf8")).toBe(more);
    }
  });

  it("refuses a file that went another way, and with force keeps a copy that no agent takes for a session", async () => {
    const other = claudeTranscript("other", [prompt("Something else.")]);
    writeFile(other);
    await story.checkpoint({ id, sessions: [{ sessionId: session, transcript: transcript(2) }] });
    await expect(put()).rejects.toMatchObject({ code: "resume_refused" });
    expect(readFileSync(filePath(), "utf8")).toBe(other);
    const done = await put({ force: true });
    expect(done.outcome).toBe("replaced");
    expect(readFileSync(done.kept!, "utf8")).toBe(other);
    expect(done.kept).not.toMatch(/\.jsonl$/);
    expect(readFileSync(filePath(), "utf8")).toContain("Begun.");
  });

  it("does not write through a link that lies where the file is to be", async () => {
    const outside = join(story.folder, "outside.jsonl");
    writeFileSync(outside, "mine\n");
    mkdirSync(dirname(filePath()), { recursive: true });
    symlinkSync(outside, filePath());
    await story.checkpoint({ id, sessions: [{ sessionId: session, transcript: transcript(2) }] });
    await expect(put({ force: true })).rejects.toMatchObject({ code: "resume_refused" });
    expect(readFileSync(outside, "utf8")).toBe("mine\n");
  });

  it("takes the newest checkpoint of a branch, by its commits or, where it lies elsewhere, by what checkpoints say", async () => {
    const older = "0f0f0f0f0f0f";
    await story.checkpoint({
      id: older,
      sessions: [{ sessionId: session, transcript: transcript(2), metadata: created("06:00") }],
      root: { branch: "gone" },
    });
    const newer = { sessionId: session, transcript: transcript(4), metadata: created("07:00") };
    await story.checkpoint({ id, sessions: [newer] });
    await story.git("checkout", "-q", "-b", "feat/x");
    await story.commit({ "a.txt": "1" }, "One", { checkpoints: [older] });
    await story.commit({ "a.txt": "2" }, "Two", { checkpoints: [id, older, "ffffffffffff"] });
    await story.commit({ "a.txt": "3" }, "By hand");
    expect((await put({ name: "feat/x" })).checkpoint).toBe(id);
    expect((await put({ name: "HEAD~2" })).checkpoint).toBe(older);
    expect((await put({ name: "gone" })).checkpoint).toBe(older);
    await expect(put({ name: "nowhere" })).rejects.toMatchObject({ code: "checkpoint_unknown" });
  });

  it("asks which of several sessions is meant", async () => {
    const other = "6f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
    const second = claudeTranscript(other, [prompt("Other.")]);
    await story.checkpoint({
      id,
      sessions: [
        { sessionId: session, transcript: transcript(2) },
        { sessionId: other, transcript: second },
      ],
    });
    await expect(put()).rejects.toMatchObject({
      code: "session_ambiguous",
      message: expect.stringContaining(other),
    });
    expect((await put({ session: "6f" })).session).toBe(other);
    await expect(put({ session: "7" })).rejects.toMatchObject({ code: "session_unknown" });
  });

  it("writes Codex' rollout under its day, and finds the one that is there", async () => {
    const meta = {
      timestamp: "2026-02-03T06:21:41.461Z",
      type: "session_meta",
      payload: { id: session, timestamp: "2026-02-03T06:21:41.461Z", cwd: "/home/dev/project" },
    };
    const item = {
      type: "response_item",
      payload: { type: "message", role: "user", content: [{ type: "input_text", text: "Hi" }] },
    };
    const text = [meta, item].map((line) => `${JSON.stringify(line)}\n`).join("");
    await story.checkpoint({
      id,
      sessions: [{ sessionId: session, transcript: text, metadata: { agent: "Codex" } }],
    });
    const done = await put();
    expect(done.path).toBe(
      join(homes.codex, "sessions/2026/02/03", `rollout-2026-02-03T06-21-41-${session}.jsonl`),
    );
    expect(readFileSync(done.path, "utf8")).toBe(text.replace("/home/dev/project", story.path));
    expect(done.command).toEqual(["codex", "resume", session]);
    expect((await put()).outcome).toBe("there");
  });

  it("knows Codex' own file again, whatever was taken out of it for the checkpoint", async () => {
    const { repository, source } = story;
    const { objects } = repository;
    await story.git("config", "holdfast.redact", "ACME-\\d+");
    const picture = Buffer.concat([Buffer.from("89504e470d0a1a0a0000000d", "hex"), Buffer.alloc(300, 7)]);
    const item = (payload: object): object => ({ type: "response_item", payload });
    const raw = [
      { type: "session_meta", payload: { id: session, cwd: story.path } },
      item({ type: "reasoning", encrypted_content: "gAAAAABo" }),
      item({ type: "message", content: `ACME-77 and ${random}` }),
      item({ type: "message", image_url: `data:image/png;base64,${picture.toString("base64")}` }),
    ];
    const text = raw.map((line) => `${JSON.stringify(line)}\n`).join("");
    const batch = repository.batch();
    const content = await sessionContent({
      ...{ folder: join(story.folder, "own"), content: Buffer.from(text), prompts: [], cliVersion: "1" },
      ...{ objects, batch, redactor: await repositoryRedactor(repository) },
    });
    await content.keep();
    const stored = await sessionInput(repository, session, content.input);
    await source.write(checkpointInput(id, [stored]));
    const { path } = await put();
    expect(readFileSync(path, "utf8")).toContain('"REDACTED and ');
    writeFileSync(path, text);
    expect((await put()).outcome).toBe("there");
    writeFileSync(path, text.replace(random, "another"));
    await expect(put()).rejects.toMatchObject({ code: "resume_refused" });
  });

  it("refuses agents that it knows no files of, hostile ids, and transcripts that are not whole", async () => {
    const document = JSON.stringify({ messages: [{ type: "user", content: "Hi" }] });
    await story.checkpoint({
      id,
      sessions: [{ sessionId: session, transcript: document, metadata: { agent: "Gemini CLI" } }],
    });
    await expect(put()).rejects.toMatchObject({
      code: "resume_refused",
      message: expect.stringContaining("Gemini CLI"),
    });
    for (const [at, hostile] of ["../../../escape", "a/b", "..", "-rf", "2026-02-03-../../../x"].entries()) {
      const name = `0000000000${String(at).padStart(2, "0")}`;
      await story.checkpoint({ id: name, sessions: [{ sessionId: hostile, transcript: transcript(2) }] });
      await expect(put({ name }), hostile).rejects.toMatchObject({ code: "resume_refused" });
    }
    expect(readdirSync(story.folder).toSorted()).toEqual(["plain"]);
  });

  it("puts pictures back where they were, from all pieces of the transcript", async () => {
    const { repository, source } = story;
    const picture = Buffer.alloc(300, 7);
    const named = "0123456789abcdef0123456789abcdef.png";
    const image = {
      type: "user",
      message: {
        role: "user",
        content: [
          {
            type: "image",
            source: { type: "base64", media_type: "image/png", data: `entire-asset:assets/${named}` },
          },
        ],
      },
    };
    const whole = transcript(3, [lines[0]!, image, lines[2]!]).trimEnd().split("\n");
    const batch = repository.batch();
    const blob = batch.blob(picture);
    await batch.flush();
    const given = await sessionInput(repository, session, {
      transcript: await storeText(repository, whole[0]!, whole.slice(1).join("\n")),
      assets: { manifest: await storeBlob(repository, "{}\n"), files: [{ name: named, id: blob }] },
    });
    await source.write(checkpointInput(id, [given]));
    const done = await put();
    expect(done.lines).toBe(3);
    expect(readFileSync(done.path, "utf8")).toContain(`"data":"${picture.toString("base64")}"`);
  });
});
