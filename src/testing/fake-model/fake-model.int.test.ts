import { get } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { type FakeModel, startFakeModel } from "./index.ts";

let model: FakeModel;

afterEach(() => model.close());

type Content = string | readonly object[];
type Message = { readonly role: string; readonly content: Content };

const tools = ["Bash", "Read", "Write", "Agent"].map((name) => ({ name }));

async function ask(messages: readonly Message[], more: object = {}): Promise<Response> {
  const body = JSON.stringify({ model: "claude-fake", messages, tools, ...more });
  return fetch(`${model.url}/v1/messages?beta=true`, { method: "POST", body });
}

async function answer(messages: readonly Message[], more: object = {}): Promise<Record<string, unknown>> {
  return (await (await ask(messages, more)).json()) as Record<string, unknown>;
}

/** The events of a stream, parsed. */
async function events(prompt: string): Promise<Record<string, unknown>[]> {
  const text = await (await ask([user(prompt)], { stream: true })).text();
  return text
    .split("\n\n")
    .filter(Boolean)
    .map((event) => {
      const [name = "", data = ""] = event.split("\n");
      const parsed = JSON.parse(data.slice("data: ".length)) as Record<string, unknown>;
      expect(name).toBe(`event: ${String(parsed["type"])}`);
      return parsed;
    });
}

function user(content: Content): Message {
  return { role: "user", content };
}

const called = { role: "assistant", content: [{ type: "tool_use", id: "t", name: "Bash", input: {} }] };
const result = user([{ type: "tool_result", tool_use_id: "t", content: "BASH never looked at" }]);

describe("the fake model", () => {
  test("streams a text in the order that clients rely on", async () => {
    model = await startFakeModel();
    const all = await events("SAY hello there");
    expect(all.map(({ type }) => type)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    expect(all[2]).toMatchObject({ index: 0, delta: { type: "text_delta", text: "hello there" } });
    expect(all[4]).toMatchObject({ delta: { stop_reason: "end_turn" } });
  });

  test("leaves each mark once, whichever of its prompts asked for the ones before", async () => {
    model = await startFakeModel();
    const made = (...words: readonly string[]): Message[] =>
      words.flatMap((word) => {
        const use = { type: "tool_use", id: word, name: "Bash", input: { command: `echo ${word} >> /f` } };
        return [{ role: "assistant", content: [use] }, user([{ type: "tool_result", tool_use_id: word }])];
      });
    const commandsOf = ({ content }: Record<string, unknown>): unknown[] =>
      (content as { input?: { command: string } }[]).map(({ input }) => input?.command);
    const asked = user("MARKS 3 /f");
    expect(commandsOf(await answer([asked]))).toEqual(["echo mark-1 >> /f"]);
    expect(commandsOf(await answer([asked, ...made("mark-1", "mark-2")]))).toEqual(["echo mark-3 >> /f"]);
    expect(commandsOf(await answer([asked, ...made("mark-1"), asked]))).toEqual(["echo mark-2 >> /f"]);
    const all = [asked, ...made("mark-1", "mark-2", "mark-3"), user("MARK mark-2 /f")];
    expect((await answer(all))["stop_reason"]).toBe("end_turn");
  });

  test("streams a thought and its signature before the text", async () => {
    model = await startFakeModel();
    const deltas = (await events("THINK what if")).filter(({ type }) => type === "content_block_delta");
    expect(deltas).toMatchObject([
      { index: 0, delta: { type: "thinking_delta", thinking: "what if" } },
      { index: 0, delta: { type: "signature_delta" } },
      { index: 1, delta: { type: "text_delta", text: "thought" } },
    ]);
  });

  test("sends a tool's input as the JSON text of the whole input, one block a call", async () => {
    model = await startFakeModel();
    const all = await events("PAR 3");
    const inputs = all.flatMap(({ type, delta }) => (type === "content_block_delta" ? [delta] : []));
    expect(inputs.map((delta) => (delta as { partial_json: string }).partial_json)).toEqual(
      [1, 2, 3].map((part) => JSON.stringify({ command: `echo part ${part}`, description: "Say something" })),
    );
    expect(all.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } });
  });

  test.each([
    ["BASH ls -l", { name: "Bash", input: { command: "ls -l" } }],
    ["READ /a b", { name: "Read", input: { file_path: "/a b" } }],
    ["WRITE /a some text", { name: "Write", input: { file_path: "/a", content: "some text" } }],
    ["AGENT BASH echo sub", { name: "Agent", input: { prompt: "BASH echo sub", run_in_background: false } }],
  ])("answers %s with the tool, and closes the turn once it has the result", async (prompt, use) => {
    model = await startFakeModel();
    expect(await answer([user(prompt)])).toMatchObject({ stop_reason: "tool_use", content: [use] });
    const closing = await answer([user(prompt), called, result]);
    expect(closing).toMatchObject({ stop_reason: "end_turn", content: [{ type: "text", text: "done" }] });
  });

  test("closes the turn at once where the tool is not offered", async () => {
    model = await startFakeModel();
    expect(await answer([user("AGENT SAY hi")], { tools: [] })).toMatchObject({ stop_reason: "end_turn" });
  });

  test("loops for as many calls as were asked, counted since the newest prompt", async () => {
    model = await startFakeModel();
    const earlier = [user("LOOP 9"), called, result, { role: "assistant", content: "done" }];
    const messages = [...earlier, user("LOOP 2")];
    for (const step of [1, 2]) {
      expect(await answer(messages)).toMatchObject({
        content: [{ input: { command: `echo step ${step}` } }],
      });
      messages.push(called, result);
    }
    expect(await answer(messages)).toMatchObject({ stop_reason: "end_turn" });
  });

  test("looks for the verb in every text of the prompt, and never in a reminder or a result", async () => {
    model = await startFakeModel();
    const texts = ["<system-reminder>SAY no</system-reminder>", "SAY yes", "[Request interrupted by user]"];
    const message = user(texts.map((text) => ({ type: "text", text })));
    expect(await answer([message])).toMatchObject({ content: [{ text: "yes" }] });
    expect(await answer([user("no verb"), called, result])).toMatchObject({ content: [{ text: "ok" }] });
  });

  test("answers a request to compact with a summary, and counts the tokens that it was told", async () => {
    model = await startFakeModel();
    const compact = await answer([user("SAY hi"), user("Please create a detailed summary of this.")]);
    expect(JSON.stringify(compact["content"])).toContain("<summary>");
    expect(await answer([user("USAGE 990000 big")])).toMatchObject({
      content: [{ text: "big" }],
      usage: { input_tokens: 990_000 },
    });
  });

  test("gives ids that no other answer and no other model gives", async () => {
    model = await startFakeModel();
    const other = await startFakeModel();
    const ids: unknown[] = [];
    for (const { url } of [model, model, other]) {
      const body = JSON.stringify({ messages: [user("PAR 2")], tools });
      const message = (await (await fetch(`${url}/v1/messages`, { method: "POST", body })).json()) as {
        id: string;
        content: { id: string }[];
      };
      ids.push(message.id, ...message.content.map(({ id }) => id));
    }
    await other.close();
    expect(new Set(ids).size).toBe(9);
  });

  test("answers the error that was asked for, and tells the client not to retry", async () => {
    model = await startFakeModel();
    const response = await ask([user("ERR 529")]);
    expect([response.status, response.headers.get("x-should-retry")]).toEqual([529, "false"]);
    expect(await response.json()).toMatchObject({ type: "error", error: { type: "overloaded_error" } });
  });

  test("destroys the connection in the middle of a stream, and answers whole where none was asked", async () => {
    model = await startFakeModel();
    const cut = await ask([user("CUT")], { stream: true });
    await expect(cut.text()).rejects.toThrow();
    expect(await answer([user("CUT")])).toMatchObject({ content: [{ text: "part" }] });
  });

  test("hangs after the first words until the client leaves or the model is closed", async () => {
    model = await startFakeModel();
    const reader = (await ask([user("HANG")], { stream: true })).body!.getReader();
    let text = "";
    while (!text.includes("text_delta")) text += new TextDecoder().decode((await reader.read()).value);
    const rest = reader.read();
    await model.close();
    await expect(rest).rejects.toThrow();
    model = await startFakeModel();
  });

  test("records every request, tells what one showed, and wakes who waits for them", async () => {
    model = await startFakeModel();
    const waiting = model.waitFor(2);
    await ask([user("SAY one")]);
    await answer([
      user([
        { type: "text", text: "<system-reminder>hidden</system-reminder>" },
        { type: "text", text: "BASH x" },
      ]),
      called,
      result,
      { role: "system", content: "hidden" },
    ]);
    await waiting;
    expect(model.shown()).toEqual([
      "user: BASH x",
      "assistant: [use Bash]",
      "user: [result BASH never looked at]",
    ]);
    expect(model.shown(model.requests[0])).toEqual(["user: SAY one"]);
  });

  test("answers 404 to other paths and takes a body that is no JSON, and listens on loopback only", async () => {
    model = await startFakeModel();
    expect(model.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/u);
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    get(`${model.url}/api/hello`, ({ statusCode }) => resolve(statusCode));
    expect(await promise).toBe(404);
    const odd = await fetch(`${model.url}/v1/messages`, { method: "POST", body: "{" });
    expect(odd.status).toBe(200);
    expect(model.requests.map(({ body }) => body)).toEqual([undefined, undefined]);
  });
});
