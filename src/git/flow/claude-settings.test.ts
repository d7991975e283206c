import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasOwnHooks, withOwnHooks, withoutOwnHooks } from "./claude-settings.ts";

const launcher = "/r/.git/holdfast/bin/holdfast";
const events = [
  "SessionStart",
  "UserPromptSubmit",
  "Stop",
  "SessionEnd",
  "SubagentStop",
  "PreCompact",
  "PreToolUse",
  "PostToolUse",
];

function hooksIn(
  text: string,
): Readonly<
  Record<
    string,
    readonly { readonly matcher?: string; readonly hooks: readonly { readonly command: string }[] }[]
  >
> {
  return JSON.parse(text).hooks;
}

describe("the settings of Claude Code", () => {
  it("get every hook once, by the launcher on this machine, and by name where they are shared", () => {
    const text = withOwnHooks(null, "f", launcher);
    expect(Object.keys(hooksIn(text))).toEqual(events);
    expect(hooksIn(text)["Stop"]).toEqual([
      { hooks: [{ type: "command", command: `${launcher} git hook claude-code stop`, timeout: 10 }] },
    ]);
    expect(hooksIn(text)["PostToolUse"]!.map(({ matcher }) => matcher)).toEqual([
      "Agent|Task",
      "TodoWrite|TaskCreate|TaskUpdate",
    ]);
    const shared = withOwnHooks(null, "f", undefined);
    expect(hooksIn(shared)["Stop"]![0]!.hooks[0]!.command).toBe(
      "command -v holdfast >/dev/null 2>&1 && holdfast git hook claude-code stop || true",
    );
    expect(hooksIn(withOwnHooks(null, "f", "/a b/holdfast"))["Stop"]![0]!.hooks[0]!.command).toBe(
      "'/a b/holdfast' git hook claude-code stop",
    );
  });

  it.each([
    ["written by hand in one line", '{"permissions":{"allow":["Bash(ls)", "Read"]},"n":1.50,"e":"\\u00e9"}'],
    [
      "indented by tabs",
      '{\n\t"a": 1e3,\n\t"hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": [{"type": "command", "command": "say done"}]}\n\t\t]\n\t}\n}\n',
    ],
    [
      "that hold other hooks of ours' events",
      '{\n  "hooks": {\n    "PreToolUse": [{"matcher": "Bash", "hooks": []}],\n    "Other": []\n  },\n  "z": [ ]\n}',
    ],
    ["with the keys twice", '{"hooks": {}, "hooks": {"Stop": []}, "x": {}}'],
    ["ending in Windows lines", '{\r\n  "a": 1\r\n}\r\n'],
  ])("%s keep every other byte, and come back", (_, before) => {
    const text = withOwnHooks(before, "f", launcher);
    expect(hasOwnHooks(text)).toBe(true);
    expect(withOwnHooks(text, "f", launcher)).toBe(text);
    const { hooks: theirs, ...others } = JSON.parse(before);
    const { hooks: ours, ...same } = JSON.parse(text);
    expect(same).toEqual(others);
    for (const [event, groups] of Object.entries(theirs ?? {}))
      expect(ours[event].slice(0, (groups as []).length)).toEqual(groups);
    const after = withoutOwnHooks(text, "f")!;
    expect(hasOwnHooks(after)).toBe(false);
    expect(squeezed(after)).toBe(squeezed(before));
  });

  it.each([
    ["{ // no\n}", /is no JSON/],
    ["[]", /holds no JSON object/],
    ['{"hooks": []}', /hooks that are no object/],
    ['{"hooks": {"Stop": {}}}', /hooks of an event that are no list/],
    ["", /is no JSON/],
  ])("that hold %j are refused", (text, message) => {
    expect(() => withOwnHooks(text, "f", launcher)).toThrow(message);
    expect(() => withoutOwnHooks(text, "f")).toThrow(message);
  });

  it.each([
    `${launcher} git hook claude-code stop; notify-send done`,
    `notify-send done && ${launcher} git hook claude-code stop`,
    "command -v holdfast >/dev/null 2>&1 && holdfast git hook claude-code stop || say none",
    "echo 'holdfast' git hook claude-code stop",
  ])("keep a person's own command that calls us among other things: %s", (command) => {
    const before = JSON.stringify({ hooks: { Stop: [{ hooks: [{ type: "command", command }] }] } });
    expect(hasOwnHooks(before)).toBe(false);
    const text = withOwnHooks(before, "f", launcher);
    expect(hooksIn(text)["Stop"]![0]!.hooks[0]!.command).toBe(command);
    expect(hooksIn(text)["Stop"]).toHaveLength(2);
    expect(withOwnHooks(text, "f", launcher)).toBe(text);
    expect(withoutOwnHooks(text, "f")).toBe(before);
  });

  it.each([undefined, "/old place/holdfast", "/it's/holdfast", "/old/holdfast/bin/holdfast"])(
    "know ours again wherever it was: %s",
    (old) => {
      const text = withOwnHooks(null, "f", old);
      expect(withOwnHooks(text, "f", launcher)).toBe(withOwnHooks(null, "f", launcher));
      expect(withoutOwnHooks(text, "f")).toBeNull();
    },
  );

  it("are the same JSON but for our hooks, whatever they hold", () => {
    const group = fc.record({ matcher: fc.string(), hooks: fc.array(fc.record({ command: fc.string() })) });
    const hooks = fc.dictionary(fc.constantFrom(...events, "x"), fc.array(group), { noNullPrototype: true });
    const settings = fc.record({ a: fc.jsonValue(), hooks, 'z"\\': fc.jsonValue() }, { requiredKeys: [] });
    fc.assert(
      fc.property(settings, fc.constantFrom(undefined, 1, 2, "\t"), (value, indent) => {
        const before = JSON.stringify(value, null, indent);
        const text = withOwnHooks(before, "f", launcher);
        const all = hooksIn(text);
        for (const event of events)
          expect(all[event]!.length).toBeGreaterThan((value.hooks?.[event] ?? []).length);
        const after = withoutOwnHooks(text, "f");
        const left = JSON.parse(after ?? "{}");
        // An empty list or object of hooks may go with ours.
        expect(pruned(left)).toEqual(pruned(JSON.parse(before)));
      }),
      { numRuns: 50 },
    );
  });
});

// What stood empty before may be written in another way.
function squeezed(text: string): string {
  return text
    .replaceAll(/\s+(?=[\]}])/g, "")
    .replaceAll(/"Stop":\s*\[\]/g, "")
    .replaceAll(/,?\s*"hooks": \{\}/g, "");
}

function pruned(value: { readonly hooks?: Readonly<Record<string, readonly unknown[]>> }): unknown {
  const { hooks = {}, ...others } = value;
  return {
    ...others,
    hooks: Object.fromEntries(Object.entries(hooks).filter(([, groups]) => groups.length > 0)),
  };
}
