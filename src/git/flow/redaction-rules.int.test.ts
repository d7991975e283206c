import { appendFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { FlowRepository } from "../../../test/git/flow-repository.ts";

const rules = (named: object): string => JSON.stringify({ redaction: { custom_redactions: named } });
const words = ["ACME-12345-XYZ", "Falcon-7", "falcon-north"];

/** Every object of the repository that is no commit of a person's, as text. */
async function objectsOf(flow: FlowRepository): Promise<string> {
  return await flow.git("cat-file", "--batch-all-objects", "--batch");
}

it("keeps what a user's own rules name out of every object, and writes none while a rule cannot be used", async () => {
  using flow = await FlowRepository.make("git-refs");
  const { linked } = flow;
  await flow.git("config", "holdfast.redact", "ACME-(\\d+");
  linked.write(".git/info/exclude", `${linked.read(".git/info/exclude")}.entire/\n`);
  linked.write(".entire/settings.json", rules({ bird: "Falcon-[0-9]" }));
  linked.write(".entire/settings.local.json", rules({ bird: "(?i)FALCON-NORTH" }));
  const agent = flow.agent("s-1");
  await agent.prompt(`Write a for ${words.join(", ")}`);
  await agent.task(`Look at ${words.join(", ")}`);
  agent.edit("a.txt", "The first line of a\n");
  agent.says([{ type: "text", text: `Of ${words.join(", ")}` }]);
  const own = join(dirname(agent.transcript), "agent-a1b2c3.jsonl");
  appendFileSync(
    own,
    `${JSON.stringify({ type: "user", message: { role: "user", content: words.join() } })}\n`,
  );
  await agent.stop();
  const [id] = await flow.commit("Add a");

  const before = await objectsOf(flow);
  await expect(flow.work()).rejects.toMatchObject({ code: "redaction_invalid" });
  expect(await objectsOf(flow)).toBe(before);
  const { spool, problems, errors } = await linked.status();
  expect(spool).toMatchObject({ pending: 2, aside: [] });
  const told =
    "rule 1 of git config --get-all holdfast.redact is no regular expression. No checkpoint is written.";
  expect(problems).toEqual([expect.stringContaining(told)]);
  expect(errors.join()).toContain(told);
  expect(errors.join()).not.toContain("ACME");

  await flow.git("config", "holdfast.redact", "ACME-\\d+-[A-Z]+");
  for (const broken of ["{", rules([]), rules({ bird: 7 }), rules({ bird: "\\Afalcon" })]) {
    linked.write(".entire/settings.local.json", broken);
    await expect(flow.work()).rejects.toThrow(/settings\.local\.json.* No checkpoint is written/);
  }
  expect(await objectsOf(flow)).toBe(before);

  linked.write(".entire/settings.local.json", rules({ bird: "(?i)FALCON-NORTH" }));
  expect(await flow.work()).toMatchObject({ done: 2, failed: 0 });
  expect((await flow.see(id))!.sessions[0]!.prompt).toBe("Write a for REDACTED, REDACTED, REDACTED");
  const objects = await objectsOf(flow);
  for (const word of words) expect(objects).not.toContain(word);
  expect(objects).toContain("Look at REDACTED, REDACTED, REDACTED");

  await linked.disable();
  expect(await flow.git("config", "--get-regexp", "^holdfast\\.")).toBe("holdfast.redact ACME-\\d+-[A-Z]+");
});

it("keeps what is a secret in a commit's message out of what a checkpoint tells of the commit", async () => {
  using flow = await FlowRepository.make("git-refs");
  await flow.git("config", "holdfast.redact", "ACME-\\d+");
  const key = `ghp_${"a1B2c3D4e5F6".repeat(3)}`;
  const anchors = async (id: string | undefined): Promise<unknown> =>
    (await flow.see(id))!.root["commit_anchors"];
  await flow.agent("s-1").turn("Write a", { "a.txt": "The first line of a\n" });
  const [id] = await flow.commit(`Take ${key} for ACME-7`);
  await flow.work();
  expect(await anchors(id)).toMatchObject([{ subject: "Take REDACTED for REDACTED" }]);
  await flow.git("commit", "-q", "--amend", "-m", `Take ${key}`);
  await flow.work();
  expect(await anchors(id)).toMatchObject([{ subject: "Take REDACTED" }]);
  // It is cut after the redaction: half a key is none that a rule knows.
  const long = "so ".repeat(95);
  await flow.git("commit", "-q", "--amend", "-m", `${long}${key}`);
  await flow.work();
  expect(await anchors(id)).toMatchObject([{ subject: `${long}REDACTED` }]);
});
