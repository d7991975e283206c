import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fieldsOf, objectIn } from "../../../core/json.ts";
import { replaceFile } from "../text-state.ts";
import { type CompactState, GrowingText } from "./growing-text.ts";
import { compactSourceNamed } from "./sources.ts";

/** The compact transcript of one session: what was made of it is kept in the session's folder and not made again. */
export class CompactText {
  readonly #path: string;
  readonly #cliVersion: string;

  constructor({ folder, cliVersion }: { readonly folder: string; readonly cliVersion: string }) {
    this.#path = join(folder, "compact.jsonl");
    this.#cliVersion = cliVersion;
  }

  /** Undefined where no line is a message of an agent that is known, and above 50 MB (section 2). */
  async write({ lines, key, isOpen = false }: CompactParams): Promise<CompactWritten | undefined> {
    const growing = new GrowingText({ cliVersion: this.#cliVersion, state: await this.#known(key) });
    let last: string | undefined;
    for await (const line of lines(growing.taken)) {
      if (last !== undefined) growing.take(last);
      last = line;
      if (growing.isUnknown || growing.bytes > maxCompactBytes) return undefined;
    }
    if (last !== undefined && !isOpen) growing.take(last);
    const state = growing.state();
    if (last !== undefined && isOpen) growing.take(last);
    const content = growing.content();
    if (content === undefined || content.length > maxCompactBytes) return undefined;
    return {
      content,
      lines: growing.lines,
      keep: async () => {
        if (state !== undefined) await this.#keep(state, key);
      },
    };
  }

  async #keep({ finished, ...state }: CompactState, key: string): Promise<void> {
    const bytes = finished.reduce((sum, part) => sum + part.length, 0);
    const head = { version: stateVersion, key, cliVersion: this.#cliVersion, ...state, bytes };
    await replaceFile(this.#path, Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...finished]));
  }

  async #known(key: string): Promise<CompactState | undefined> {
    const kept = await readKept(this.#path);
    const end = kept?.indexOf("\n") ?? -1;
    if (kept === undefined || end === -1) return undefined;
    const head = objectIn(kept.toString("utf8", 0, end)) ?? {};
    const finished = kept.subarray(end + 1);
    const isOurs =
      head["version"] === stateVersion && head["key"] === key && head["cliVersion"] === this.#cliVersion;
    return isOurs && isState(head) && head.bytes === finished.length
      ? { agent: head.agent, taken: head.taken, lines: head.lines, window: head.window, finished: [finished] }
      : undefined;
  }
}

export interface CompactParams {
  /** Redacted lines of the transcript from a number on. */
  readonly lines: (from: number) => AsyncIterable<string> | Iterable<string>;
  /** Of the rules that redacted the lines and of a transcript that only grew: what came of others is not kept. */
  readonly key: string;
  /** True: the last line may go on, and is taken again by whoever writes next. */
  readonly isOpen?: boolean;
}

export interface CompactWritten {
  /** Never in pieces, and without a last newline. */
  readonly content: Buffer;
  readonly lines: number;
  /** Remembers what was made of it; called when the checkpoint is written. */
  keep(): Promise<void>;
}

type Head = Omit<CompactState, "finished"> & { readonly bytes: number };

const maxCompactBytes = 50_000_000;
const maxKeptBytes = 2 * maxCompactBytes;
const stateVersion = 2;

async function readKept(path: string): Promise<Buffer | undefined> {
  try {
    const { size } = await stat(path);
    return size <= maxKeptBytes ? await readFile(path) : undefined;
  } catch {
    return undefined;
  }
}

function isState(head: object): head is Head {
  const { agent, taken, lines, window } = head as Record<string, unknown>;
  return (
    compactSourceNamed(agent) !== undefined &&
    [taken, lines].every((count) => Number.isSafeInteger(count) && (count as number) >= 0) &&
    Array.isArray(window) &&
    window.every((held) => fieldsOf(fieldsOf(held)?.["message"]) !== undefined && Array.isArray(held.blocks))
  );
}
