import type { ChildProcess } from "node:child_process";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { failed, type GitPlace, killGroup, spawnError, startGit } from "./git-process.ts";
import type { ObjectType } from "./objects.ts";

/** What `git cat-file` says of an object; `content` where it was asked for. */
export interface Answer {
  readonly type: ObjectType;
  readonly size: number;
  readonly content?: Buffer;
}

/** One `git cat-file` process that answers many questions in their order; it is started when it is needed, and again when it has died. */
export class CatFile {
  readonly #args: readonly string[];
  readonly #at: GitPlace;
  readonly #timeoutMs: number;
  #process: Running | undefined;
  #closed = false;

  constructor({ args, at, timeoutMs }: { args: readonly string[]; at: GitPlace; timeoutMs: number }) {
    this.#args = ["--no-replace-objects", "cat-file", ...args];
    this.#at = at;
    this.#timeoutMs = timeoutMs;
  }

  /** Writes a line and waits for its answer; null where there is no such object. */
  ask(line: string, withContent: boolean): Promise<Answer | null> {
    return new Promise((resolve, reject) => {
      this.#send({ line, withContent, resolve, reject });
    });
  }

  /** Ends the process; what is still asked fails. */
  close(): void {
    this.#closed = true;
    this.#process?.end(closedError());
    this.#process = undefined;
  }

  #send(question: Question): void {
    if (this.#closed) return question.reject(closedError());
    this.#process ??= new Running({
      args: this.#args,
      at: this.#at,
      timeoutMs: this.#timeoutMs,
      onEnd: (running, waiting) => this.#restart(running, waiting),
    });
    this.#process.send(question);
  }

  /** The question that a process died of has failed; those behind it are asked again. */
  #restart(running: Running, waiting: readonly Question[]): void {
    if (this.#process === running) this.#process = undefined;
    for (const question of waiting) this.#send(question);
  }
}

interface Question {
  readonly line: string;
  readonly withContent: boolean;
  readonly resolve: (answer: Answer | null) => void;
  readonly reject: (error: Error) => void;
}

/** The content that is being read, with its newline. */
interface Incoming {
  readonly head: Answer;
  readonly pieces: Buffer[];
  missing: number;
}

const types: ReadonlySet<string> = new Set(["blob", "tree", "commit", "tag"]);
// Longer than any header: what has no newline until here is not git's.
const maxHeaderBytes = 1024;
const keptErrorBytes = 16 * 1024;

/** One process and what it still has to answer. */
class Running {
  readonly #child: ChildProcess;
  readonly #args: readonly string[];
  readonly #timeoutMs: number;
  readonly #onEnd: (running: Running, waiting: readonly Question[]) => void;
  readonly #waiting: Question[] = [];
  /** How many of `#waiting` were answered; they are dropped in bulk. */
  #answered = 0;
  #buffer: Buffer = Buffer.alloc(0);
  #content: Incoming | undefined;
  #stderr = "";
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: {
    args: readonly string[];
    at: GitPlace;
    timeoutMs: number;
    onEnd: (running: Running, waiting: readonly Question[]) => void;
  }) {
    this.#args = options.args;
    this.#timeoutMs = options.timeoutMs;
    this.#onEnd = options.onEnd;
    this.#child = startGit(options.args, options.at);
    this.#child.once("error", (error) => this.end(spawnError(error, options.at.cwd)));
    this.#child.once("close", (code, signal) =>
      this.end(failed(this.#args, { code, signal, stderr: this.#stderr })),
    );
    this.#child.stdin!.on("error", () => {
      // It has died: "close" says so.
    });
    this.#child.stdout!.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#child.stderr!.on("data", (chunk: Buffer) => {
      if (this.#stderr.length < keptErrorBytes) this.#stderr += chunk.toString();
    });
    this.#idle();
  }

  send(question: Question): void {
    if (this.#ended) return this.#onEnd(this, [question]);
    this.#waiting.push(question);
    this.#write(`${question.line}\n`);
    if (this.#timer === undefined) this.#busy();
  }

  /** What is asked in one turn of the event loop is written at once: each write wakes the process. */
  #write(line: string): void {
    const stdin = this.#child.stdin!;
    if (stdin.writableCorked === 0) {
      stdin.cork();
      process.nextTick(() => stdin.uncork());
    }
    stdin.write(line);
  }

  /** Ends the process: its current question fails with the error, and the rest is handed back. */
  end(error: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    killGroup(this.#child);
    const [current, ...rest] = this.#waiting.slice(this.#answered);
    current?.reject(error);
    // git's code for wrong arguments: every other process would say the same.
    if (isHoldfastError(error) && error.data["exitCode"] === 129)
      for (const question of rest.splice(0)) question.reject(error);
    this.#onEnd(this, rest);
  }

  /** While nothing is asked, the process does not keep ours alive. */
  #idle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const handle of this.#handles()) handle.unref?.();
  }

  #busy(): void {
    for (const handle of this.#handles()) handle.ref?.();
    this.#timer = setTimeout(() => this.end(silent(this.#timeoutMs)), this.#timeoutMs);
  }

  #handles(): readonly { ref?: () => unknown; unref?: () => unknown }[] {
    const { stdin, stdout, stderr } = this.#child;
    // The pipes are sockets, which the types do not say.
    return [this.#child, stdin, stdout, stderr] as readonly { ref?: () => unknown; unref?: () => unknown }[];
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return;
    // Any word from it is a sign of life.
    this.#timer?.refresh();
    let rest = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    this.#buffer = empty;
    while (rest.length > 0 && !this.#ended) {
      if (this.#content === undefined) {
        const newline = rest.indexOf(0x0a);
        if (newline < 0) {
          if (rest.length > maxHeaderBytes) return this.end(garbled(rest));
          this.#buffer = rest;
          return;
        }
        this.#readHeader(rest.toString("latin1", 0, newline));
        rest = rest.subarray(newline + 1);
      } else rest = this.#readContent(this.#content, rest);
    }
  }

  #readHeader(line: string): void {
    const question = this.#waiting[this.#answered];
    if (question === undefined) return this.end(garbled(Buffer.from(line)));
    if (line.endsWith(" missing")) return this.#answer(null);
    const [, type = "", bytes = ""] = line.split(" ");
    const size = Number(bytes);
    if (!types.has(type) || !Number.isSafeInteger(size)) return this.end(garbled(Buffer.from(line)));
    const head = { type: type as ObjectType, size };
    if (question.withContent) this.#content = { head, pieces: [], missing: size + 1 };
    else this.#answer(head);
  }

  #readContent(content: Incoming, chunk: Buffer): Buffer {
    const part = chunk.subarray(0, content.missing);
    content.missing -= part.length;
    content.pieces.push(part);
    if (content.missing === 0) {
      this.#content = undefined;
      const { size } = content.head;
      // One that came in one piece is copied, or it would keep the whole pipe buffer alive.
      this.#answer({ ...content.head, content: Buffer.concat(content.pieces).subarray(0, size) });
    }
    return chunk.subarray(part.length);
  }

  #answer(answer: Answer | null): void {
    const question = this.#waiting[this.#answered]!;
    this.#answered += 1;
    if (this.#answered === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#answered = 0;
      this.#idle();
    } else if (this.#answered > 1000) {
      this.#waiting.splice(0, this.#answered);
      this.#answered = 0;
    }
    question.resolve(answer);
  }
}

const empty = Buffer.alloc(0);

function closedError(): HoldfastError {
  return new HoldfastError({
    code: "git_failed",
    message: "The repository was closed.",
    next: "Open it again.",
  });
}

function garbled(bytes: Buffer): HoldfastError {
  return new HoldfastError({
    code: "git_failed",
    message: `git cat-file said what is no answer: ${JSON.stringify(bytes.toString("latin1", 0, 200))}.`,
    next: "Check which program `git` is on your PATH.",
  });
}

function silent(timeoutMs: number): HoldfastError {
  return new HoldfastError({
    code: "git_timeout",
    message: `git cat-file did not answer within ${timeoutMs} ms and was killed.`,
    next: "Try again; in a partial clone its remote may be slow.",
    data: { timeoutMs },
    retryable: true,
  });
}
