import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { type Answer, CatFile } from "./cat-file.ts";
import { parseCommit } from "./commit-bytes.ts";
import type { GitPlace } from "./git-process.ts";
import { invalidObject } from "./invalid-object.ts";
import { checkObjectId, idLengthOf, type ObjectFormat } from "./object-id.ts";
import type { Commit, ObjectId, ObjectReader, ObjectType, TreeEntry } from "./objects.ts";
import { parseTree } from "./tree-bytes.ts";

/** Reads objects through one long-lived `git cat-file`; the size is always known before content is asked for. */
export function openReader(
  at: GitPlace,
  format: ObjectFormat,
  { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
): ObjectReader & AsyncDisposable {
  return new Reader({ at, format, timeoutMs });
}

// A tree or commit of more is no checkpoint's and hardly anybody's.
const maxTreeBytes = 64 * 1024 * 1024;
const maxCommitBytes = 16 * 1024 * 1024;

class Reader implements ObjectReader, AsyncDisposable {
  readonly #format: ObjectFormat;
  readonly #start: (option: string) => CatFile;
  #both: CatFile | undefined;
  /** Where git is older than 2.36: one process for sizes and another one for content. */
  #pair: { readonly sizes: CatFile; readonly contents: CatFile } | undefined;

  constructor({ at, format, timeoutMs }: { at: GitPlace; format: ObjectFormat; timeoutMs: number }) {
    this.#format = format;
    this.#start = (option) => new CatFile({ args: [option], at, timeoutMs });
    this.#both = this.#start("--batch-command");
  }

  async header(id: ObjectId): Promise<{ readonly type: ObjectType; readonly size: number } | null> {
    return this.#ask(checkObjectId(id, this.#format), false);
  }

  blob(id: ObjectId, { maxBytes }: { readonly maxBytes: number }): Promise<Buffer | null> {
    return this.#content(id, "blob", maxBytes);
  }

  async tree(id: ObjectId): Promise<readonly TreeEntry[] | null> {
    const bytes = await this.#content(id, "tree", maxTreeBytes);
    return bytes === null ? null : parseTree(bytes, idLengthOf(this.#format));
  }

  async commit(id: ObjectId): Promise<Commit | null> {
    const bytes = await this.#content(id, "commit", maxCommitBytes);
    return bytes === null ? null : parseCommit(bytes, idLengthOf(this.#format));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of [this.#both, this.#pair?.sizes, this.#pair?.contents]) process?.close();
  }

  async #content(id: ObjectId, type: ObjectType, maxBytes: number): Promise<Buffer | null> {
    const head = await this.header(id);
    if (head === null) return null;
    if (head.type !== type) throw invalidObject(`The object ${id} is a ${head.type}, not a ${type}`);
    if (head.size > maxBytes) throw tooLarge(id, head, maxBytes);
    try {
      return (await this.#ask(id, true))?.content ?? null;
    } catch (error) {
      // git tells type and size of an object of which it then finds the content damaged, and ends of that.
      throw diedReading(error) ? invalidObject(`The ${type} ${id} cannot be read: ${wordsOf(error)}`) : error;
    }
  }

  async #ask(id: ObjectId, withContent: boolean): Promise<Answer | null> {
    try {
      return await this.#answer(id, withContent);
    } catch (error) {
      throw diedReading(error) && /could not fetch .* from promisor/.test(wordsOf(error))
        ? unfetched(id, error)
        : error;
    }
  }

  async #answer(id: ObjectId, withContent: boolean): Promise<Answer | null> {
    if (this.#both !== undefined)
      try {
        return await this.#both.ask(`${withContent ? "contents" : "info"} ${id}`, withContent);
      } catch (error) {
        if (!isUnknownOption(error)) throw error;
        this.#both = undefined;
        // All that were asked come here.
        this.#pair ??= { sizes: this.#start("--batch-check"), contents: this.#start("--batch") };
      }
    const { sizes, contents } = this.#pair!;
    return (withContent ? contents : sizes).ask(id, withContent);
  }
}

function isUnknownOption(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "git_failed" && error.data["exitCode"] === 129;
}

// A process that was killed says nothing about the object.
function diedReading(error: unknown): error is HoldfastError {
  return isHoldfastError(error) && error.code === "git_failed" && error.data["exitCode"] === 128;
}

function wordsOf({ data }: HoldfastError): string {
  return String(data["stderr"]).replaceAll(/\.?\s*\n\s*/g, "; ");
}

function unfetched(id: ObjectId, cause: HoldfastError): HoldfastError {
  return new HoldfastError({
    code: "git_object_unfetched",
    message: `The object ${id} is at the remote of this partial clone, and could not be fetched.`,
    next: "Try again when the remote can be reached.",
    data: { id, stderr: cause.data["stderr"] },
    retryable: true,
    cause,
  });
}

function tooLarge(id: ObjectId, { type, size }: Answer, maxBytes: number): HoldfastError {
  return new HoldfastError({
    code: "git_object_too_large",
    message: `The ${type} ${id} has ${size} bytes; at most ${maxBytes} are read here.`,
    next: "Look at it with `git cat-file`, and allow more if it is what you expect.",
    data: { id, size, maxBytes },
  });
}
