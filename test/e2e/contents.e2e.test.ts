import { describe, expect, test } from "vitest";
import { type ClaudeEntry, type ClaudeSessionStore, verifySession } from "../../src/claude.ts";
import { Bench, project, sessionOf } from "./bench.ts";
import { versions } from "./sdk.ts";

describe.each(versions)("what a turn may hold on SDK %s", (version) => {
  test.each([
    ["a NUL in a tool's output", String.raw`BASH printf 'a\0b\033[31m'`],
    ["half of a character", "SAY \ud800 alone"],
    ["a long answer", "BIG 3000000"],
    ["a long output of a tool", "BASH head -c 25000 /dev/zero | tr '\\0' x"],
    ["many calls in one answer", "PAR 12"],
  ])("comes back as it was sent: %s", async (_, prompt) => {
    await using bench = await Bench.open({ version });
    const sent: ClaudeEntry[] = [];
    const { sessionId } = await bench.say(prompt, { store: recording(bench.sessions, sent) });
    expect(sent.length).toBeGreaterThan(5);
    expect(await bench.sessions.load({ projectKey: project, sessionId })).toEqual(sent);

    const [resumed] = (await bench.say("SAY after", { resume: sessionId })).shown;
    const [, control] = await bench.control([prompt, "SAY after"]);
    expect(comparable(resumed!)).toEqual(comparable(control!));
    expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
  });
});

describe("a session that is compacted", () => {
  const [start, end] = [
    ["SAY one", "SAY two"],
    ["SAY three", "SAY four"],
  ] as const;

  // The oldest release does not compact by itself where a test can bring it about.
  test.each([
    ["0.3.159", "because the user says so", "/compact"],
    ["0.3.329", "because the user says so", "/compact"],
    ["0.3.329", "because it is full", "USAGE 990000 more"],
  ] as const)(
    "shows after a resume what it would show without one: SDK %s, %s",
    async (version, _, prompt) => {
      await using bench = await Bench.open({ version });
      const { sessionId } = await bench.say(start);
      const shown: (readonly string[])[] = [];
      for (const next of [prompt, ...end]) {
        const turn = await bench.say(next, { resume: sessionId });
        expect(turn.sessionId).toBe(sessionId);
        shown.push(...turn.shown);
      }
      const last = shown.at(-1)!;
      expect(last.join("\n")).toContain("A summary of what was said.");
      expect(last).not.toContain("assistant: one");
      const control = await bench.control([...start, prompt, ...end]);
      expect(shown.map(whatWasSaid)).toEqual(control.slice(start.length).map(whatWasSaid));
      expect((await verifySession(bench.store, sessionOf(sessionId))).findings).toEqual([]);
    },
  );
});

/** Results of calls made at once come in any order, and old binaries replace half of a character when they load it. */
function comparable(shown: readonly string[]): string[] {
  return shown.map((line) => line.toWellFormed()).toSorted();
}

/**
 * Without the path of the transcript, which the agent tells the model and is another at each resume, and without the
 * answer that old binaries make up where a conversation ends with the user.
 */
function whatWasSaid(shown: readonly string[]): string[] {
  const said = shown.filter((line) => line !== "assistant: No response requested.");
  return said.map((line) => line.replaceAll(/\S+\/projects\/\S+\.jsonl/g, "<transcript>").trimEnd());
}

/** The same sessions, with a copy kept of all that the SDK appends to a main transcript. */
function recording(sessions: ClaudeSessionStore, sent: ClaudeEntry[]): ClaudeSessionStore {
  return new Proxy(sessions, {
    get: (target, name: keyof ClaudeSessionStore) => {
      if (name !== "append") return target[name].bind(target);
      return (...[key, entries]: Parameters<ClaudeSessionStore["append"]>) => {
        if (key.subpath === undefined) sent.push(...(JSON.parse(JSON.stringify(entries)) as ClaudeEntry[]));
        return target.append(key, entries);
      };
    },
  });
}
