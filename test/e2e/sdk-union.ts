import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { sdkFolder, type Version } from "./sdk.ts";

/** A member of the union of all that a query's stream may hold, as a message that has nothing but its kind. */
export interface UnionMember {
  readonly name: string;
  readonly type: string;
  readonly subtype?: string;
}

/** The members of one release's union, read from its declarations. */
export function unionOf(version: Version): readonly UnionMember[] {
  const entry = createRequire(join(sdkFolder(version), "package.json")).resolve(
    "@anthropic-ai/claude-agent-sdk",
  );
  const text = readFileSync(join(dirname(entry), "sdk.d.ts"), "utf8").replaceAll(/\/\*.*?\*\//gs, "");
  return membersOf("SDKMessage", text);
}

function membersOf(name: string, text: string): readonly UnionMember[] {
  const [, aliased] = new RegExp(`type ${name} = ([\\w\\s|]+);`).exec(text) ?? [];
  if (aliased !== undefined) return aliased.split("|").flatMap((member) => membersOf(member.trim(), text));
  const [, body] = new RegExp(`type ${name} = \\{(.*?)\\n\\};`, "s").exec(text) ?? [];
  const [types, subtypes] = ["type", "subtype"].map((field) => literalsOf(field, body ?? ""));
  if (types?.length !== 1) throw new Error(`The kind of ${name} cannot be read.`);
  if (subtypes!.length === 0) return [{ name, type: types[0]! }];
  return subtypes!.map((subtype) => ({ name, type: types[0]!, subtype }));
}

function literalsOf(field: string, body: string): readonly string[] {
  const [, literals] = new RegExp(`^\\s{4}${field}: ((?:'\\w+'[\\s|]*)+);`, "m").exec(body) ?? [];
  return [...(literals ?? "").matchAll(/'(\w+)'/g)].map(([, literal]) => literal!);
}
