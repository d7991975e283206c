import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { eventEntry, type LiveEvent, readEvent } from "../../../core/event.ts";
import { messagesIn, recordedScenes, recordedVersions } from "../../../../test/claude/recorded-messages.ts";
import { PromptWatch } from "./prompt-watch.ts";
import { mapSdkMessage, sessionIdOf } from "./sdk-message.ts";

describe.each(recordedVersions)("the messages of SDK %s", (version) => {
  test("are told as these events, scene by scene", async () => {
    const told = [...recordedScenes(version)].map(([scene, lines]) => {
      const events = messagesIn(lines).flatMap(mapSdkMessage);
      return `# ${scene}\n${events.map(inOneLine).join("\n")}\n`;
    });
    await expect(told.join("\n")).toMatchFileSnapshot(`../fixtures/messages-${version}.events.txt`);
  });

  test("are each an event that can be stored and read again as it was", () => {
    for (const lines of recordedScenes(version).values())
      for (const event of messagesIn(lines).flatMap(mapSdkMessage)) expect(readBack(event)).toEqual(event);
  });

  test("name the session that they are from, also after it was cleared", () => {
    const ids = messagesIn(recordedScenes(version).get("clear")!).map(sessionIdOf);
    expect(new Set(ids).size).toBe(2);
    expect(ids).not.toContain(undefined);
  });
});

describe("a message that is not as it should be", () => {
  const recorded = recordedVersions.flatMap((version) =>
    [...recordedScenes(version).values()].flatMap(messagesIn),
  );

  test("is never thrown at, and what is told of it can always be stored", () => {
    fc.assert(
      fc.property(fc.oneof(hostile, fc.constantFrom(...recorded).chain(damaged)), (message) => {
        for (const event of mapSdkMessage(message)) expect(() => readBack(event)).not.toThrow();
        sessionIdOf(message);
        new PromptWatch("u").ends(message);
      }),
      { numRuns: 3_000 },
    );
  });

  test("is a notice with all of it, where its type is not known", () => {
    const later = {
      type: "system",
      subtype: "of_tomorrow",
      n: [1, { deep: true }],
      parent_tool_use_id: "toolu-1",
    };
    expect(mapSdkMessage(later)).toEqual([
      { type: "notice", parent: "toolu-1", text: "The agent sent system/of_tomorrow.", raw: later },
    ]);
  });

  test("is a notice in words, where it cannot even be looked at", () => {
    const trap = new Proxy(
      {},
      {
        get: () => {
          throw new Error("no");
        },
      },
    );
    expect(mapSdkMessage(trap)).toEqual([
      { type: "notice", text: "The agent sent a message that cannot be read." },
    ]);
  });
});

describe("what is too long for a timeline", () => {
  const content = `${"a".repeat(20_000)}\u{1F600}${"z".repeat(20_000)}`;

  test("is left out of the middle of a tool's result", () => {
    const block = { type: "tool_result", tool_use_id: "t", content };
    const [event] = mapSdkMessage({ type: "user", message: { content: [block] } });
    const { text } = event as Extract<LiveEvent, { type: "tool_summary" }>;
    expect(text.length).toBeLessThan(16_100);
    expect(text).toMatch(/^a+\n… 24002 characters …\nz+$/);
  });

  test("is left out of a tool's input, which stays an object", () => {
    const block = { type: "tool_use", id: "t", name: "Write", input: { file_path: "a", content } };
    const [event] = mapSdkMessage({ type: "assistant", message: { content: [block] } });
    const { input } = event as Extract<LiveEvent, { type: "tool_call" }>;
    expect(JSON.stringify(input).length).toBeLessThan(17_000);
    expect(input).toMatchObject({ file_path: "a" });
  });

  test("is kept where the assistant has said it", () => {
    const message = { content: [{ type: "text", text: content }] };
    expect(mapSdkMessage({ type: "assistant", message })).toEqual([{ type: "assistant", text: content }]);
  });
});

describe("a call of a tool", () => {
  test("has no step where the provider runs it itself", () => {
    const content = [
      { type: "server_tool_use", id: "s", name: "web_search", input: {} },
      { type: "web_search_tool_result", tool_use_id: "s", content: { type: "web_search_tool_result_error" } },
    ];
    expect(mapSdkMessage({ type: "assistant", message: { content } })).toEqual([
      { type: "tool_call", call: "s", name: "web_search", input: {} },
      { type: "tool_summary", call: "s", ok: false, text: '{"type":"web_search_tool_result_error"}' },
    ]);
  });
});

function readBack(event: LiveEvent): unknown {
  const { run, ...read } = readEvent(eventEntry({ run: "r", event }).body) as { run: string; event: unknown };
  expect(run).toBe("r");
  return read.event;
}

/** An event in the order of its weight: its type, its fields, and where it is kept. */
function inOneLine({ type, parent, entry, ...fields }: LiveEvent): string {
  const { raw, ...rest } = fields as { raw?: unknown };
  const marks = [
    parent && `in ${parent}`,
    entry && `as ${entry}`,
    raw !== undefined && "with its message",
  ].filter(Boolean);
  return [type, JSON.stringify(rest), ...marks].join(" ");
}

const hostile = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withNullPrototype: true,
  withObjectString: true,
  withSparseArray: true,
  withTypedArray: true,
});

/** A recorded message in which some value is another one. */
function damaged(message: unknown): fc.Arbitrary<unknown> {
  return fc.tuple(fc.nat(), hostile).map(([at, value]) => {
    const copy = structuredClone(message);
    const places = placesIn(copy);
    const place = places[at % places.length]!;
    place.in[place.name] = value;
    return copy;
  });
}

interface Place {
  readonly in: Record<string, unknown>;
  readonly name: string;
}

function placesIn(value: unknown): readonly Place[] {
  if (typeof value !== "object" || value === null) return [];
  const fields = value as Record<string, unknown>;
  return Object.keys(fields).flatMap((name) => [{ in: fields, name }, ...placesIn(fields[name])]);
}
