import { describe, expect, test } from "vitest";
import { importLines } from "./import-report.ts";

const report = {
  files: 1,
  unchanged: 0,
  sessions: 1,
  entries: 2,
  duplicates: 0,
  moved: 0,
  bytes: 2000,
  droppedSessions: [],
  problems: [],
};

describe("importLines", () => {
  test("says that blocks came late, and only where some did", () => {
    expect(importLines(report)).toEqual([
      "Imported 2 new entries of 1 session; 1 file (2.0kB), 0 unchanged.",
    ]);
    expect(importLines({ ...report, moved: 1 })[0]).toMatch(/; 1 late block read where the file has it\.$/);
    expect(importLines({ ...report, moved: 3 })[0]).toMatch(
      /; 3 late blocks read where the file has them\.$/,
    );
  });

  test("puts problems first, one a line, harmless to a terminal", () => {
    const lines = importLines({ ...report, problems: ["a.jsonl:1: \u001b[31mbad", "b.jsonl: worse"] });
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^problem: a\.jsonl:1: /);
    expect(lines[0]).not.toContain("\u001b");
  });
});
