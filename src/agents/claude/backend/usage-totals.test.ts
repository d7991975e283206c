import { describe, expect, test } from "vitest";
import { mapSdkMessage } from "./sdk-message.ts";
import {
  type RecordedLine,
  recordedScenes,
  recordedVersions,
} from "../../../../test/claude/recorded-messages.ts";
import { UsageTotals } from "./usage-totals.ts";

/** What is told of the usage in a scene, as a backend takes what comes. */
function toldOf(lines: readonly RecordedLine[], isResumed: boolean) {
  const totals = new UsageTotals({ lineage: "s", isResumed });
  return lines.flatMap((line) => {
    if ("log" in line) return totals.ofEntries(line.entries.map((entry) => JSON.stringify(entry)));
    return [...totals.told(mapSdkMessage(line.message)), ...totals.reconcile(line.message)];
  });
}

const noticesOf = (lines: readonly RecordedLine[], isResumed = false) =>
  toldOf(lines, isResumed).flatMap((event) =>
    event.type === "notice" && event.text.startsWith("The agent counts") ? [event.text] : [],
  );

/** What a scene leaves out of the messages and entries, in tokens; nothing in any other. */
const differences: Readonly<
  Record<(typeof recordedVersions)[number], Readonly<Record<string, readonly RegExp[]>>>
> = {
  "0.3.159": {
    compaction: [
      /^The agent counts \d{5} tokens of input, \d+ of output.*tell of 0 tokens of input, 0 of output/,
    ],
    "interrupted answer": [
      /^The agent counts 0 tokens of input, 0 of output.*tell of \d{5} tokens of input, 1 of output/,
    ],
  },
  "0.3.329": {
    compaction: [
      /^The agent counts \d{5} tokens of input, \d+ of output.*tell of 0 tokens of input, 0 of output/,
    ],
    "automatic compaction": [
      /^The agent counts \d{5} tokens of input, \d+ of output.*tell of \d{5} tokens of input, 8 of output/,
    ],
    "interrupted answer": [
      /^The agent counts (\d{5}) tokens of input, 2 of output.*tell of \1 tokens of input, 1 of output/,
    ],
    // Nothing was stored of it.
    "mirror error": [/tell of 0 tokens of input, 0 of output/],
  },
};

describe.each(recordedVersions)("the usage that SDK %s counts", (version) => {
  const scenes = recordedScenes(version);
  const known = differences[version];

  test.each([...scenes.keys()].filter((scene) => known[scene] === undefined && scene !== "mirror error"))(
    "is what its responses tell: %s",
    (scene) => {
      expect(noticesOf(scenes.get(scene)!, scene === "resume")).toEqual([]);
    },
  );

  test.each(Object.entries(known))(
    "differs by what no entry tells, and both are named: %s",
    (scene, texts) => {
      expect(noticesOf(scenes.get(scene)!)).toEqual(
        texts.map((text) => expect.stringMatching(text) as string),
      );
    },
  );

  test("holds the last answer of a subagent, which no message tells", () => {
    const usage = toldOf(scenes.get("subagent")!, false).filter(({ type }) => type === "usage");
    const keys = new Set(usage.map((event) => (event as { key: string }).key));
    expect(keys.size).toBe(4);
  });

  test("is told once more for a response only when more is known of it", () => {
    const [message, entries] = [
      scenes
        .get("text")!
        .find(
          (line) => "message" in line && mapSdkMessage(line.message).some(({ type }) => type === "usage"),
        ),
      scenes.get("text")!.find((line) => "log" in line),
    ];
    const outputs = toldOf([message!, message!, entries!, entries!], false).flatMap((event) =>
      event.type === "usage" ? [event.tokens.output] : [],
    );
    expect(outputs).toEqual([1, 8]);
  });
});

describe("the price of a turn", () => {
  const timestamp = "2026-11-21T12:00:00.000Z";
  const usage = { input_tokens: 10_000, output_tokens: 100 };
  const entry = {
    type: "assistant",
    timestamp,
    requestId: "r",
    message: { id: "m", model: "claude-opus-5-5", usage },
  };
  const noticesAt = (costUSD: number) => {
    const totals = new UsageTotals({ lineage: "s", isResumed: false });
    totals.ofEntries([JSON.stringify(entry)]);
    const counted = { inputTokens: 10_000, outputTokens: 100, costUSD };
    return totals.reconcile({ type: "result", modelUsage: { "claude-opus-5-5": counted } });
  };

  test("is not spoken of where both reckon the same", () => {
    expect(noticesAt(0.042)).toEqual([]);
  });

  test("is named in both figures where the agent reckons another one", () => {
    expect(noticesAt(0.084)).toMatchObject([
      { type: "notice", text: expect.stringMatching(/\$0\.084000.*\$0\.042000/) as string },
    ]);
  });
});

describe("the totals of a result", () => {
  const result = (input: number) => ({
    type: "result",
    modelUsage: { m: { inputTokens: input, outputTokens: 0 } },
  });

  test("are held against those of the result before it, and begin anew where they fall", () => {
    const totals = new UsageTotals({ lineage: "s", isResumed: false });
    const differs = [5, 5, 2].map((input) => totals.reconcile(result(input)).length);
    expect(differs).toEqual([1, 0, 1]);
  });

  test("of a session that was resumed are not taken for what this process has used", () => {
    const totals = new UsageTotals({ lineage: "s", isResumed: true });
    expect([1_000, 1_000].flatMap((input) => totals.reconcile(result(input)))).toEqual([]);
  });

  test("say themselves what is new since the last one, where the agent tells", () => {
    const totals = new UsageTotals({ lineage: "s", isResumed: true });
    const since = { m: { inputTokens: 5, outputTokens: 0 } };
    const [notice] = totals.reconcile({ ...result(1_000), model_usage_since_last_result: since });
    expect(notice).toMatchObject({
      text: expect.stringMatching(/^The agent counts 5 tokens of input/) as string,
    });
  });

  test("that make no sense are no reason to throw", () => {
    const totals = new UsageTotals({ lineage: "s", isResumed: false });
    for (const message of [
      null,
      7,
      { type: "result", modelUsage: { m: { inputTokens: "x", outputTokens: Number.NaN } } },
    ])
      expect(totals.reconcile(message)).toEqual([]);
  });
});
