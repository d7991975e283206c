// Records what the real SDK says of each scene, against the fake model, as the fixtures of the tests without an SDK:
// `npx node test/e2e/record-messages.ts`. What the vendor has written is left out.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ClaudeEntry, ClaudeSessionStore } from "../../src/claude.ts";
import { Bench } from "./bench.ts";
import { converse } from "./conversation.ts";
import { scenes, type Scene } from "./message-scenes.ts";
import { redacted } from "./redact-messages.ts";
import { type SdkMessage, type Version, versions } from "./sdk.ts";

const fixtures = join(import.meta.dirname, "../../src/agents/claude/fixtures");

for (const version of versions) {
  const lines: string[] = [];
  for (const [name, scene] of Object.entries(scenes)) {
    const recorded = await record(version, scene);
    lines.push(...redacted(recorded).map((line) => JSON.stringify({ scene: name, ...line })));
    console.log(version, name, recorded.length);
  }
  writeFileSync(join(fixtures, `messages-${version}.ndjson`), `${lines.join("\n")}\n`);
}

/** What came of a scene, in the order in which it came: messages, and what was appended between them. */
async function record(version: Version, scene: Scene): Promise<Recorded[]> {
  await using bench = await Bench.open({ version, url: "memory:" });
  const lines: Recorded[] = [];
  const store = recording(bench.sessions, { lines, fails: scene.storeFails === true });
  const { sdk, model, folder, cwd } = bench;
  let { options = {} } = scene;
  if (scene.after !== undefined) {
    const { sessionId } = await bench.say(scene.after);
    options = { ...options, resume: sessionId };
  }
  const onMessage: NonNullable<Parameters<typeof converse>[0]["onMessage"]> = async (message, query) => {
    lines.push({ message });
    await scene.onMessage?.(message, query);
  };
  const params = { sdk, model, folder, cwd, store, prompts: scene.prompts, options, onMessage };
  // A process that ends with an error throws it once all its messages have come.
  await converse({ ...params, ...(scene.env && { env: scene.env }) }).catch((error: unknown) => {
    if (!lines.some((line) => "message" in line && line.message.type === "result")) throw error;
  });
  return lines;
}

export type Recorded =
  | { readonly message: SdkMessage }
  | { readonly log: string; readonly entries: readonly ClaudeEntry[] };

function recording(
  sessions: ClaudeSessionStore,
  { lines, fails }: { readonly lines: Recorded[]; readonly fails: boolean },
): ClaudeSessionStore {
  return new Proxy(sessions, {
    get: (target, name: keyof ClaudeSessionStore) => {
      if (name !== "append") return target[name].bind(target);
      return async (...[key, entries]: Parameters<ClaudeSessionStore["append"]>) => {
        if (fails) throw new Error("the store refuses");
        lines.push({ log: key.subpath ?? "", entries: structuredClone(entries) });
        await target.append(key, entries);
      };
    },
  });
}
