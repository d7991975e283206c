import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { sendReply } from "./reply.ts";
import { replyTo } from "./script.ts";
import { shownBy } from "./shown.ts";
import { MessageIds } from "./wire.ts";

/** How a fake model behaves. */
export interface FakeModelOptions {
  /** Waited before each answer, in ms; default 0. */
  readonly delayMs?: number;
}

/** One request as it came. */
export interface FakeModelRequest {
  readonly atMs: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed body, or undefined where there was none or it was no JSON. */
  readonly body: unknown;
}

/** A fake Messages API on loopback, scripted by verbs in the prompt. */
export interface FakeModel {
  /** The base URL, for `ANTHROPIC_BASE_URL`. */
  readonly url: string;
  /** All requests in the order of arrival, those to other paths too. */
  readonly requests: readonly FakeModelRequest[];
  /** What the model was asked by one request, the newest to `/v1/messages` by default; a line a piece. */
  shown(request?: FakeModelRequest): string[];
  /** Resolves when that many requests to `/v1/messages` have arrived. */
  waitFor(count: number): Promise<void>;
  /** Ends every connection, answers under way too. */
  close(): Promise<void>;
}

/**
 * Starts a fake Messages API, so that an agent's SDK and binary can be tested without a network or a key.
 *
 * The newest prompt says what is answered, by a verb at the start of a line: `SAY text`, `THINK text`, `BIG length`,
 * `BASH command`, `READ path`, `REOPEN offset limit` (of the newest output that was saved to a file),
 * `WRITE path text`, `MARK word path`, `MARKS count path`, `CALL tool {input}`, `AGENT prompt`, `PAR count`,
 * `LOOP count`, `SLOW pauseMs`, `HANG`, `USAGE inputTokens text`, `ERR status`, `CUT`. A request to compact is answered with a summary.
 */
export async function startFakeModel(options: FakeModelOptions = {}): Promise<FakeModel> {
  const model = new FakeMessagesApi(options);
  await model.listen();
  return model;
}

class FakeMessagesApi implements FakeModel {
  readonly requests: FakeModelRequest[] = [];
  readonly #options: FakeModelOptions;
  readonly #ids = new MessageIds();
  readonly #server: Server;
  readonly #closing = new AbortController();
  #waiters: { readonly count: number; readonly arrived: () => void }[] = [];

  constructor(options: FakeModelOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      // A client that goes away in the middle of its request or answer is what some tests are about.
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  async listen(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(0, "127.0.0.1", resolve);
    await promise;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  shown(request: FakeModelRequest | undefined = this.#asked().at(-1)): string[] {
    return request === undefined ? [] : shownBy(request.body);
  }

  async waitFor(count: number): Promise<void> {
    if (this.#asked().length >= count) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiters.push({ count, arrived: resolve });
    await promise;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = parsed(await textOf(request));
    const { method = "GET", url = "/", headers } = request;
    const seen: FakeModelRequest = { atMs: Date.now(), method, url, headers, body };
    this.requests.push(seen);
    const { signal } = this.#closing;
    const answer = { ids: this.#ids, body, signal };
    if (!isMessage(seen)) return sendReply(response, { ...answer, reply: { kind: "error", status: 404 } });
    const count = this.#asked().length;
    for (const waiter of this.#waiters) if (waiter.count <= count) waiter.arrived();
    this.#waiters = this.#waiters.filter((waiter) => waiter.count > count);
    if (this.#options.delayMs !== undefined) await delay(this.#options.delayMs, undefined, { signal });
    await sendReply(response, { ...answer, reply: replyTo(body) });
  }

  #asked(): FakeModelRequest[] {
    return this.requests.filter(isMessage);
  }
}

function isMessage({ method, url }: FakeModelRequest): boolean {
  return method === "POST" && new URL(url, "http://127.0.0.1").pathname === "/v1/messages";
}

async function textOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
