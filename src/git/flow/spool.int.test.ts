import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lastFailures } from "./hook-log.ts";
import { eventText, fieldOf, fieldsOf, type FlowEvent, readEventText, Spool } from "./spool.ts";
import { work } from "./worker.ts";

let commonDir: string;
let spool: Spool;
beforeEach(() => {
  commonDir = mkdtempSync(join(tmpdir(), "holdfast-spool-"));
  spool = new Spool({ commonDir });
});
afterEach(() => rmSync(commonDir, { recursive: true, force: true }));

const commit = (id: string): FlowEvent => ({ kind: "post-commit", fields: [["commit", id]], body: "" });
const folder = (): string => join(commonDir, "holdfast", "spool");

describe("the spool", () => {
  it("gives events back in the order in which they were noted, until each is done", () => {
    const names = Array.from({ length: 50 }, (_, at) =>
      spool.add(commit(String(at)), { nowMs: 1_795_282_668_000 }),
    );
    expect(spool.names()).toEqual(names);
    expect(names.map((name) => fieldOf(spool.read(name)!, "commit"))).toEqual(
      names.map((_, at) => String(at)),
    );
    spool.done(names[0]!);
    spool.done(names[0]!);
    expect(spool.names()).toEqual(names.slice(1));
    expect(statSync(folder()).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder(), names[1]!)).mode & 0o777).toBe(0o600);
  });

  it("reads what a line of shell wrote, and takes an unfinished file for none", () => {
    mkdirSync(folder(), { recursive: true });
    const text = "holdfast-event 1\nkind post-rewrite\ncommand amend\ninherited 1\ninherited 2\n\na b\nc d\n";
    writeFileSync(join(folder(), "1795282668123456789-42-sh.event"), text);
    writeFileSync(join(folder(), "1795282668123456788-42-sh.tmp"), "holdf");
    const [name] = spool.names();
    const event = spool.read(name!)!;
    expect(event).toMatchObject({ kind: "post-rewrite", atMs: 1_795_282_668_123, body: "a b\nc d\n" });
    expect(fieldsOf(event, "inherited")).toEqual(["1", "2"]);
    expect(spool.names()).toHaveLength(1);
  });

  it("sets aside what nobody can understand, with the reason, and follows no link", () => {
    mkdirSync(folder(), { recursive: true });
    const write = (stamp: number, text: string): void =>
      writeFileSync(join(folder(), `179528266800000000${stamp}-1-a.event`), text);
    write(1, "rubbish");
    write(2, "holdfast-event 1\nkind post-commit\nNot a field\n\n");
    write(3, "holdfast-event 1\nkind erase-disk\n\n");
    write(4, `holdfast-event 1\n${"a b\n".repeat(2000)}\n`);
    symlinkSync("/etc/passwd", join(folder(), "1795282668000000005-1-a.event"));
    mkdirSync(join(folder(), "1795282668000000006-1-a.event"));
    expect(spool.names().map((name) => spool.read(name))).toEqual(Array(6).fill(undefined));
    expect(spool.names()).toEqual([]);
    expect(spool.aside().map(({ reason }) => reason)).toEqual([
      "It does not begin as an event does.",
      "A line of it is no field.",
      "Its kind is not known.",
      "It has 2000 fields.",
      "no_file",
      "no_file",
    ]);
  });

  it("reads every event as it was written, whatever its values are", () => {
    const value = fc.string({ unit: "grapheme" }).filter((text) => !/[\r\n]/.test(text));
    const key = fc.stringMatching(/^[a-z][a-z-]{0,30}$/).filter((text) => text !== "kind");
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 20 }), fc.string(), (fields, body) => {
        const event: FlowEvent = { kind: "agent", fields, body };
        expect(readEventText(eventText(event))).toEqual(event);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void readEventText(`holdfast-event 1\n${text}`)));
  });
});

describe("the worker", () => {
  it("does events in order, and keeps one whose work failed with those behind it, until it succeeds", async () => {
    const seen: string[] = [];
    for (const id of ["a", "b", "c"]) spool.add(commit(id));
    spool.add({ kind: "pre-push", fields: [], body: "" });
    let fault = true;
    const run = () =>
      work({
        commonDir,
        handlers: {
          "post-commit": async (event) => {
            const id = fieldOf(event, "commit")!;
            if (id === "b" && fault) throw new Error("The disk is full, password=hunter22.");
            seen.push(id);
          },
        },
      });
    expect(await run()).toEqual({ held: true, done: 1, failed: 1 });
    expect(seen).toEqual(["a"]);
    expect(lastFailures(commonDir, 5)).toEqual([
      expect.stringMatching(/post-commit .*The disk is full, password=\[redacted\]/),
    ]);
    fault = false;
    expect(await run()).toEqual({ held: true, done: 2, failed: 0 });
    expect(seen).toEqual(["a", "b", "c"]);
    expect(spool.names()).toHaveLength(1);
  });

  it("leaves the work to the one that is there, which sees also what comes while it works", async () => {
    const seen: string[] = [];
    const others: unknown[] = [];
    const handlers = {
      "post-commit": async (event: FlowEvent) => {
        seen.push(fieldOf(event, "commit")!);
        if (seen.length > 1) return;
        spool.add(commit("late"));
        others.push(await work({ commonDir, handlers }));
      },
    };
    spool.add(commit("first"));
    expect(await work({ commonDir, handlers })).toEqual({ held: true, done: 2, failed: 0 });
    expect(others).toEqual([{ held: false, done: 0, failed: 0 }]);
    expect(seen).toEqual(["first", "late"]);
    expect(readdirSync(folder())).toEqual([]);
  });

  it("that is killed in the middle of an event leaves it, and the repository, to the next one", async () => {
    spool.add(commit("first"));
    const program = join(import.meta.dirname, "../../../test/git/dying-worker.ts");
    const dying = spawn(process.execPath, ["--no-warnings", program, commonDir]);
    try {
      await once(dying.stdout, "data");
      const seen: string[] = [];
      const handlers = {
        "post-commit": async (event: FlowEvent) => void seen.push(fieldOf(event, "commit")!),
      };
      expect(await work({ commonDir, handlers })).toEqual({ held: false, done: 0, failed: 0 });
      dying.kill("SIGKILL");
      await once(dying, "close");
      expect(await work({ commonDir, handlers })).toEqual({ held: true, done: 1, failed: 0 });
      expect(seen).toEqual(["first"]);
    } finally {
      dying.kill("SIGKILL");
    }
  });
});
