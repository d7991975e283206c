import { randomBytes } from "node:crypto";
import { readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { flowPaths } from "./flow-paths.ts";
import { codeOf, makeOwnFolder, readOwnFile, replaceOwnFile } from "./own-files.ts";

/** What a hook saw. */
export type EventKind = "post-commit" | "post-rewrite" | "pre-push" | "agent" | "work";

/** Something that happened, as a hook noted it; a shell can write it as well as a program. */
export interface FlowEvent {
  readonly kind: EventKind;
  /** One line each; keys are small letters and dashes. A key may stand several times. */
  readonly fields: readonly (readonly [key: string, value: string])[];
  /** Whatever came on stdin, or the message of a commit. */
  readonly body: string;
}

/** An event in the spool, by the name of its file. */
export interface SpooledEvent extends FlowEvent {
  readonly name: string;
  readonly atMs: number;
}

/** The last value of a field; undefined where there is none. */
export function fieldOf(event: FlowEvent, key: string): string | undefined {
  return event.fields.findLast(([name]) => name === key)?.[1];
}

/** All values of a field, in their order. */
export function fieldsOf(event: FlowEvent, key: string): readonly string[] {
  return event.fields.flatMap(([name, value]) => (name === key ? value : []));
}

/**
 * The events of one repository, a file each, in the order in which they happened. A file goes only when what it asks for
 * is done, so that a worker that dies does it again.
 */
export class Spool {
  readonly #folder: string;
  readonly #aside: string;

  constructor({ commonDir }: { readonly commonDir: string }) {
    const paths = flowPaths(commonDir);
    this.#folder = paths.spool;
    this.#aside = paths.aside;
  }

  /** Notes an event; its name sorts behind those of earlier ones. */
  add(
    event: FlowEvent,
    { nowMs = performance.timeOrigin + performance.now() }: { readonly nowMs?: number } = {},
  ): string {
    const nanoseconds = BigInt(Math.round(nowMs * 1_000)) * 1_000n;
    // Two of one process at one moment keep their order.
    last = nanoseconds > last ? nanoseconds : last + 1n;
    const name = `${last}-${process.pid}-${randomBytes(3).toString("hex")}${extension}`;
    replaceOwnFile(join(this.#folder, name), eventText(event));
    return name;
  }

  /** The names of those that wait, oldest first. */
  names(): readonly string[] {
    return namesIn(this.#folder).toSorted(byAge);
  }

  /** One that waits; a text says why nobody can understand it, and undefined that it is there no more. */
  read(name: string): SpooledEvent | string | undefined {
    return eventIn(this.#folder, name);
  }

  /** One that was set aside, in the same way. */
  readAside(name: string): SpooledEvent | string | undefined {
    return eventIn(this.#aside, name);
  }

  /** Forgets one whose work is done and durable. */
  done(name: string): void {
    rmSync(join(this.#folder, name), { force: true });
  }

  /** Puts one where it is found but not tried again, with the reason beside it. */
  setAside(name: string, reason: string): void {
    makeOwnFolder(this.#aside);
    try {
      renameSync(join(this.#folder, name), join(this.#aside, name));
    } catch (error) {
      // Whoever put a link or a folder there may have taken it away again.
      if (codeOf(error) !== "ENOENT") throw error;
      return;
    }
    writeFileSync(join(this.#aside, `${name}.reason`), `${reason}\n`, { mode: 0o600 });
  }

  /** Lets what was set aside wait again. */
  takeBack(): void {
    for (const { name } of this.aside()) {
      renameSync(join(this.#aside, name), join(this.#folder, name));
      rmSync(join(this.#aside, `${name}.reason`), { force: true });
    }
  }

  /** Those set aside, oldest first, with the reasons. */
  aside(): readonly { readonly name: string; readonly reason: string }[] {
    return namesIn(this.#aside)
      .toSorted(byAge)
      .map((name) => {
        const reason = readOwnFile(join(this.#aside, `${name}.reason`), { maxBytes: 4_096 });
        return { name, reason: Buffer.isBuffer(reason) ? reason.toString("utf8").trim() : "" };
      });
  }
}

/** An event as its file holds it: a first line, fields, an empty line, the body. */
export function eventText({ kind, fields, body }: FlowEvent): string {
  const lines = fields.map(([key, value]) => `${key} ${value.replaceAll(/[\r\n]+/g, " ")}\n`);
  return `${firstLine}\nkind ${kind}\n${lines.join("")}\n${body}`;
}

/** Reads an event's file; a text says what is wrong with it. */
export function readEventText(text: string): FlowEvent | string {
  const end = text.indexOf("\n\n");
  const head = end === -1 ? text.replace(/\n$/, "") : text.slice(0, end);
  const [first, ...lines] = head.split("\n");
  if (first !== firstLine) return "It does not begin as an event does.";
  if (lines.length > mostFields) return `It has ${lines.length} fields.`;
  const fields: (readonly [string, string])[] = [];
  for (const line of lines) {
    const [, key, value = ""] = /^([a-z][a-z-]{0,30})(?: (.*))?$/s.exec(line) ?? [];
    if (key === undefined) return "A line of it is no field.";
    fields.push([key, value]);
  }
  const kind = kinds.find((one) => one === fields.find(([key]) => key === "kind")?.[1]);
  if (kind === undefined) return "Its kind is not known.";
  return {
    kind,
    fields: fields.filter(([key]) => key !== "kind"),
    body: end === -1 ? "" : text.slice(end + 2),
  };
}

const firstLine = "holdfast-event 1";
const extension = ".event";
const maxBytes = 16 << 20;
const mostFields = 1_000;
const kinds: readonly EventKind[] = ["post-commit", "post-rewrite", "pre-push", "agent", "work"];
let last = 0n;

// Nanoseconds, process, and what tells apart the events of one process at one moment.
const nameForm = /^(\d{19})-\d{1,10}-[\w]{1,40}\.event$/;

function eventIn(folder: string, name: string): SpooledEvent | string | undefined {
  const bytes = readOwnFile(join(folder, name), { maxBytes });
  if (bytes === "missing") return undefined;
  const event = Buffer.isBuffer(bytes) ? readEventText(bytes.toString("utf8")) : bytes;
  if (typeof event === "string") return event;
  return { ...event, name, atMs: Number(BigInt(stampOf(name)) / 1_000_000n) };
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => nameForm.test(name));
  } catch {
    return [];
  }
}

function stampOf(name: string): string {
  return nameForm.exec(name)![1]!;
}

function byAge(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
