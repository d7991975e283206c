import type { Block } from "./transcript-entry.ts";

/**
 * What a text of the agent's own tags says: a slash command, a shell command, and what they printed. Text behind the
 * tags stays text; what begins with no such tag is none of ours, though it may speak of them.
 */
export function blocksOfTags(text: string): { readonly blocks: Block[]; readonly rest: string } {
  const tags = new Map<string, string>();
  let rest = text;
  for (let found = leadingTag.exec(rest); found !== null; found = leadingTag.exec(rest)) {
    const [all, name = "", content = ""] = found;
    const before = tags.get(name);
    tags.set(name, before === undefined ? content : `${before}\n${content}`);
    rest = rest.slice(all.length);
  }
  return { blocks: [...typedIn(tags), ...printed(tags)], rest };
}

function typedIn(tags: ReadonlyMap<string, string>): Block[] {
  const [name, shell] = [tags.get("command-name")?.trim(), tags.get("bash-input")?.trim()];
  const typed: Block[] = [];
  if (name) typed.push({ kind: "user", text: `${name} ${tags.get("command-args") ?? ""}`.trim() });
  if (shell) typed.push({ kind: "user", text: `! ${shell}` });
  return typed;
}

function printed(tags: ReadonlyMap<string, string>): Block[] {
  return outputs.flatMap(([name, failed]): Block[] => {
    const text = (tags.get(name) ?? "").replaceAll(colour, "").trim();
    return text === "" ? [] : [{ kind: "output", text, failed }];
  });
}

const outputs: readonly (readonly [string, boolean])[] = [
  ["local-command-stdout", false],
  ["local-command-stderr", true],
  ["bash-stdout", false],
  ["bash-stderr", true],
];
const own = [
  "command-(?:name|message|args|contents)",
  "bash-input",
  "local-command-caveat",
  ...outputs.map(([name]) => name),
];
const leadingTag = new RegExp(`^\\s*<(${own.join("|")})>([^]*?)</\\1>`);
// Commands colour what they print for the terminal that they ran in.
// oxlint-disable-next-line no-control-regex
const colour = /\u001b\[[\d;]*m/g;
