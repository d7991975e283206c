import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRepository } from "../../src/git/plumbing/open-repository.ts";
import { handCheckpoint } from "../git/hand-written.ts";
import { gitTestEnv, runTestGit } from "../git/repositories.ts";
import { answers, calls, claudeTranscript, prompt, says } from "../git/story.ts";

/** Leaves a commit with a checkpoint in a repository, and one that came after it. */
export async function leaveCheckpoint(folder: string): Promise<void> {
  const id = "a3b2c4d5e6f7";
  const session = "5f0c2d1e-8a47-4b39-9c66-0d2f7be1a934";
  const [first, second] = ["const name = process.argv[2];\n", 'console.log(`Hello ${name ?? "you"}`);\n'];
  const asked = "Greet whoever is named, or you.";
  const input = { file_path: "/home/ann/greet/src/greet.js", content: first + second };
  const transcript = claudeTranscript(
    session,
    [
      prompt(asked),
      calls("t1", "Write", input),
      answers("t1", { text: "File created" }),
      says("It greets now."),
    ],
    "/home/ann/greet",
  );
  const usage = { input_tokens: 1200, output_tokens: 300, cache_read_tokens: 5500, api_call_count: 2 };
  const metadata = {
    ...{ created_at: "2026-02-03T06:00:04Z", agent: "Claude Code", model: "claude-opus-4-5" },
    ...{ token_usage: usage, files_touched: ["src/greet.js"] },
  };
  const sessions = [{ sessionId: session, transcript, prompt: asked, metadata }];
  const root = { branch: "main", token_usage: usage, files_touched: ["src/greet.js"] };
  await using repository = await openRepository({ cwd: folder, env: gitTestEnv });
  await handCheckpoint(repository, { id, sessions, root });
  mkdirSync(join(folder, "src"), { recursive: true });
  await commit(folder, first + second, `Greet by name\n\nEntire-Checkpoint: ${id}`);
  await commit(folder, first + second.replace("Hello", "Hi"), "Be less formal");
}

async function commit(folder: string, text: string, message: string): Promise<void> {
  writeFileSync(join(folder, "src/greet.js"), text);
  await runTestGit(folder, ["add", "src/greet.js"]);
  const env = { ...gitTestEnv, GIT_COMMITTER_DATE: "1770098460 +0000", GIT_AUTHOR_DATE: "1770098460 +0000" };
  await runTestGit(folder, ["commit", "-q", "-m", message], env);
}
