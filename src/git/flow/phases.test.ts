import { describe, expect, it } from "vitest";
import { type PhaseEvent, phaseEvents, phaseOf, phases, transition } from "./phases.ts";

// The table of the specification, §12, as it stands there.
const letters = {
  C: "condense",
  CF: "condense_if_files_touched",
  D: "discard_if_no_files",
  W: "warn_stale_session",
  E: "clear_ended_at",
  U: "update_last_interaction",
} as const;
const columns: readonly PhaseEvent[] = [
  "turn_start",
  "turn_end",
  "git_commit",
  "git_commit_rewriting",
  "session_start",
  "session_stop",
  "compaction",
];
const rows = `
idle   | active; U   | idle    | idle; C U                | idle   | idle      | ended; U | idle; CF U
active | active; U   | idle; U | active; C U              | active | active; W | ended; U | active; CF U
ended  | active; E U | ended   | ended; files ? CF U : D U | ended  | idle; E   | ended    | ended`;

const cells = rows
  .trim()
  .split("\n")
  .flatMap((row) => {
    const [phase, ...texts] = row.split("|").map((text) => text.trim());
    return columns.flatMap((event, at) =>
      [true, false].map((hasFiles) => ({ phase: phaseOf(phase), event, hasFiles, cell: texts[at]! })),
    );
  });

describe("the phase of a session", () => {
  it.each(cells)("from $phase at $event, files $hasFiles, is: $cell", ({ phase, event, hasFiles, cell }) => {
    const [to, text = ""] = cell.split(/; ?/);
    const chosen = /^files \? (.*) : (.*)$/.exec(text);
    const actions = (chosen === null ? text : chosen[hasFiles ? 1 : 2]!)
      .split(" ")
      .filter((word) => word !== "");
    expect(transition(phase, event, { hasFiles })).toEqual({
      to,
      actions: actions.map((letter) => letters[letter as keyof typeof letters]),
    });
  });

  it("has a cell for everything that can happen in every phase", () => {
    expect(cells).toHaveLength(phases.length * phaseEvents.length * 2);
    expect([...phaseEvents].toSorted()).toEqual([...columns].toSorted());
  });

  it("is idle where nobody knows what was stored, and active where an old version said committed", () => {
    expect(["", null, 3, "paused", "active_committed", "ended"].map(phaseOf)).toEqual([
      "idle",
      "idle",
      "idle",
      "idle",
      "active",
      "ended",
    ]);
  });
});
