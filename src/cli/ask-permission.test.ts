import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { dangerous, plain, Screen } from "../../test/cli/screen.ts";
import { secret } from "../../test/cli/transcripts.ts";
import { terminalAsker } from "./ask-permission.ts";
import type { PermissionAsker } from "./claude-agent.ts";
import { withStreams } from "./streams.ts";

const never = new AbortController().signal;
const question = { tool: "Bash", input: { command: "rm -rf build" } };

describe("a permission question at the terminal", () => {
  it.each([
    ["y", "allow"],
    ["YES ", "allow"],
    ["n", "deny"],
    ["", "deny"],
    ["yes please", "deny"],
  ])("that is answered %j means %s", async (typed, behavior) => {
    await atTerminal(async ({ asker, keyboard, screen }) => {
      const answer = asker.ask(question, never);
      await shows(screen, "s left]");
      keyboard.write(`${typed}\n`);
      expect(await answer).toMatchObject({ behavior });
      expect(screen.text).toBe('May it use Bash? {"command":"rm -rf build"} [y/N, 60 s left]\n');
    });
  });

  it("is asked behind the one before it, with the time that it has left", async () => {
    await atTerminal(async ({ asker, keyboard, screen }) => {
      const answers = [asker.ask(question, never), asker.ask({ ...question, tool: "Write" }, never)];
      await shows(screen, "s left]");
      expect(screen.text).not.toContain("Write");
      keyboard.write("y\n");
      await shows(screen, "May it use Write?");
      await shows(screen, /Write.*\[y\/N, \d+ s left\]\n$/);
      keyboard.write("n\n");
      expect(await Promise.all(answers)).toMatchObject([{ behavior: "allow" }, { behavior: "deny" }]);
    });
  });

  it("that is not needed any more is given up, and what is typed then answers the next one only", async () => {
    await atTerminal(async ({ asker, keyboard, screen }) => {
      const over = new AbortController();
      const first = asker.ask(question, over.signal);
      await shows(screen, "s left]");
      over.abort();
      expect(await first).toMatchObject({ behavior: "deny", message: "Nobody answered in time." });
      expect(screen.text).toContain("Not answered: it may not.");
      expect(await asker.ask(question, over.signal)).toMatchObject({ behavior: "deny" });
      const next = asker.ask({ ...question, tool: "Read" }, never);
      await shows(screen, /Read.*s left\]\n$/);
      keyboard.write("y\n");
      expect(await next).toEqual({ behavior: "allow" });
    });
  });

  it("is answered no where the input ends", async () => {
    await atTerminal(async ({ asker, keyboard, screen }) => {
      const answer = asker.ask(question, never);
      await shows(screen, "s left]");
      keyboard.end();
      expect(await answer).toMatchObject({ behavior: "deny" });
    });
  });

  it("shows all of what is asked, without secrets and harmless to the terminal", async () => {
    await atTerminal(async ({ asker, keyboard, screen }) => {
      const command = `echo ${secret} \u001b[2J${"x".repeat(5000)} && rm -rf /`;
      const answer = asker.ask({ tool: "Ba\u0007sh", input: { command } }, never);
      await shows(screen, "s left]");
      keyboard.write("n\n");
      await answer;
      expect(screen.text).toContain("&& rm -rf /");
      expect(screen.text).not.toContain(secret);
      expect(plain(screen.text)).not.toMatch(dangerous);
    });
  });

  it.each([
    ["stdin", false, true],
    ["stderr", true, false],
  ])("is asked by nobody where %s is no terminal", async (_, isInput, isOutput) => {
    const stderr = new Screen(isOutput ? { columns: 80 } : undefined, []);
    const stdin = Object.assign(new PassThrough(), { isTTY: isInput });
    await withStreams({ stdin, stdout: stderr, stderr }, async () => {
      expect(terminalAsker()).toBe(undefined);
    });
  });
});

interface Terminal {
  readonly asker: PermissionAsker;
  readonly keyboard: PassThrough;
  readonly screen: Screen;
}

async function atTerminal(use: (terminal: Terminal) => Promise<void>): Promise<void> {
  const screen = new Screen({ columns: 80 }, []);
  const keyboard = Object.assign(new PassThrough(), { isTTY: true });
  await withStreams({ stdin: keyboard, stdout: screen, stderr: screen }, () =>
    use({ asker: terminalAsker(60_000)!, keyboard, screen }),
  );
}

async function shows(screen: Screen, text: string | RegExp): Promise<void> {
  const isThere = () => (typeof text === "string" ? screen.text.includes(text) : text.test(screen.text));
  while (!isThere()) await once(screen, "shown");
}
