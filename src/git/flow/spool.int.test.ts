import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  eventText,
  fieldOf,
  fieldsOf,
  type FlowEvent,
  readEventText,
  Spool,
  type SpooledEvent,
} from "./spool.ts";

let commonDir: string;
let spool: Spool;
beforeEach(() => {
  commonDir = mkdtempSync(join(tmpdir(), "holdfast-spool-"));
  spool = new Spool({ commonDir });
});
afterEach(() => rmSync(commonDir, { recursive: true, force: true }));

const commit = (id: string): FlowEvent => ({ kind: "post-commit", fields: [["commit", id]], body: "" });
const read = (name: string): SpooledEvent => spool.read(name) as SpooledEvent;
const folder = (): string => join(commonDir, "holdfast", "spool");

describe("the spool", () => {
  it("gives events back in the order in which they were noted, until each is done", () => {
    const names = Array.from({ length: 50 }, (_, at) =>
      spool.add(commit(String(at)), { nowMs: 1_795_282_668_000 }),
    );
    expect(spool.names()).toEqual(names);
    expect(names.map((name) => fieldOf(read(name), "commit"))).toEqual(names.map((_, at) => String(at)));
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
    const event = read(name!);
    expect(event).toMatchObject({ kind: "post-rewrite", atMs: 1_795_282_668_123, body: "a b\nc d\n" });
    expect(fieldsOf(event, "inherited")).toEqual(["1", "2"]);
    expect(spool.names()).toHaveLength(1);
  });

  it("says why nobody can understand what is none, follows no link, and reads it where it was set aside too", () => {
    mkdirSync(folder(), { recursive: true });
    const write = (stamp: number, text: string): void =>
      writeFileSync(join(folder(), `179528266800000000${stamp}-1-a.event`), text);
    write(1, "rubbish");
    write(2, "holdfast-event 1\nkind post-commit\nNot a field\n\n");
    write(3, "holdfast-event 1\nkind erase-disk\n\n");
    write(4, `holdfast-event 1\n${"a b\n".repeat(2000)}\n`);
    symlinkSync("/etc/passwd", join(folder(), "1795282668000000005-1-a.event"));
    mkdirSync(join(folder(), "1795282668000000006-1-a.event"));
    const names = spool.names();
    const told = names.map((name) => spool.read(name));
    for (const [at, name] of names.entries()) spool.setAside(name, told[at] as string);
    expect(spool.names()).toEqual([]);
    expect(spool.read(names[0]!)).toBeUndefined();
    expect(spool.aside().map(({ name }) => spool.readAside(name))).toEqual(told);
    expect(spool.aside().map(({ reason }) => reason)).toEqual(told);
    expect(told).toEqual([
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
