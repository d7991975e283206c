import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventEntry, type LiveEvent } from "../../../core/event.ts";
import { mapSdkMessage } from "./sdk-message.ts";
import {
  bodiesIn,
  messagesIn,
  type RecordedLine,
  recordedScenes,
  recordedVersions,
} from "../../../../test/claude/recorded-messages.ts";
import { eventsOf } from "./transcript-events.ts";

/** The logs of a scene's session, each read by itself. */
function transcribed(lines: readonly RecordedLine[]): readonly LiveEvent[] {
  const logs = new Set(lines.flatMap((line) => ("log" in line ? [line.log] : [])));
  return [...logs].flatMap((log) => eventsOf(bodiesIn(lines, log)));
}

const byEntry = (events: readonly LiveEvent[]) =>
  events.filter(({ type, entry }) => type !== "usage" && entry !== undefined);

const sorted = (events: readonly LiveEvent[]) =>
  events.map((event) => JSON.stringify(event, Object.keys(event).toSorted())).toSorted();

describe.each(recordedVersions)("the transcripts of SDK %s", (version) => {
  const scenes = recordedScenes(version);

  test.each([...scenes.keys()].filter((scene) => scene !== "mirror error"))(
    "tell the same as the messages, each by its entry: %s",
    (scene) => {
      const lines = scenes.get(scene)!;
      const told = byEntry(messagesIn(lines).flatMap(mapSdkMessage));
      const entries = new Set(told.map(({ entry }) => entry));
      const read = byEntry(transcribed(lines));
      expect(sorted(read.filter(({ entry }) => entries.has(entry)))).toEqual(sorted(told));
    },
  );

  test("tell what was asked, in order, and what no message tells", () => {
    const said = eventsOf(bodiesIn(scenes.get("clear")!, "")).flatMap((event) =>
      "text" in event ? [`${event.type}: ${event.text}`] : [],
    );
    expect(said).toContain("user: /clear");
    expect(said.at(-1)).toBe("assistant: two");
    const subagent = transcribed(scenes.get("subagent")!).filter(({ parent }) => parent !== undefined);
    expect(subagent.findLast(({ type }) => type === "assistant")).toMatchObject({
      text: "done",
      parent: "toolu-1",
    });
  });

  test("tell each response's usage once, as it was in the end", () => {
    const usage = eventsOf(bodiesIn(scenes.get("parallel tools")!, "")).flatMap((event) =>
      event.type === "usage" ? [event.tokens.output] : [],
    );
    expect(usage).toEqual([69, 8]);
  });
});

test("a subagent's words in an old main log are not taken for the assistant's own", () => {
  const entry = {
    type: "assistant",
    isSidechain: true,
    uuid: "u",
    message: { content: [{ type: "text", text: "hi" }] },
  };
  expect(eventsOf([JSON.stringify(entry)])).toEqual([
    { type: "assistant", text: "hi", entry: "u", parent: "subagent" },
  ]);
});

test("a long text that only looks like a command is read at once, and as it is", () => {
  const text = `<command-name>${"</command-name><command-args>".repeat(20_000)}`;
  const entry = { type: "user", uuid: "u", message: { content: text } };
  expect(eventsOf([JSON.stringify(entry)])).toEqual([{ type: "user", text, entry: "u" }]);
});

test("a transcript's entries are passed over where they cannot be read", () => {
  const value = fc.oneof(
    fc.string(),
    fc.json(),
    fc.json().map((message) => `{"type":"user","message":{"content":[${message}]},"uuid":"u"}`),
    fc.json().map((message) => `{"type":"assistant","message":${message},"isSidechain":true}`),
  );
  fc.assert(
    fc.property(fc.array(value), (bodies) => {
      for (const event of eventsOf(bodies)) eventEntry({ run: "r", event });
    }),
  );
});
