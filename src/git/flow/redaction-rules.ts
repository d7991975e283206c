import { basename, dirname, join } from "node:path";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { fieldsOf, objectIn } from "../../core/json.ts";
import { ownRules } from "../../core/own-rules.ts";
import { type Redactor, redactor, type RedactorParams } from "../content/redactor.ts";
import type { Repository } from "../plumbing/repository.ts";
import { settingValues } from "./flow-settings.ts";
import { readOwnFile } from "./own-files.ts";

/**
 * How all that becomes a git object in this repository is redacted: with the rules of `holdfast.redact`, and those of the
 * `entire` CLI's settings (`redaction.custom_redactions`). One rule that cannot be used refuses all, so that nothing is written
 * which it was to keep out.
 *
 * @throws redaction_invalid
 */
export async function repositoryRedactor(
  repository: Repository,
  { rules = [], ...rest }: RedactorParams = {},
): Promise<Redactor> {
  const found = [...(await configuredRules(repository)), ...foreignRules(repository)];
  for (const rule of found) check(rule);
  return redactor({ ...rest, rules: [...new Set([...rules, ...found.map(({ pattern }) => pattern)])] });
}

interface Rule {
  /** Where a person finds it. */
  readonly name: string;
  readonly pattern: string;
}

async function configuredRules(repository: Repository): Promise<readonly Rule[]> {
  const patterns = await settingValues(repository, "holdfast.redact");
  return patterns.map((pattern, at) => ({
    name: `${at + 1} of git config --get-all holdfast.redact`,
    pattern,
  }));
}

/** All of both files: where one would stand over the other, more is redacted. */
function foreignRules({ worktree, commonDir }: Repository): readonly Rule[] {
  // Settings that are not committed lie in the main worktree alone.
  const main = basename(commonDir) === ".git" ? [dirname(commonDir)] : [];
  const worktrees = new Set([...(worktree === null ? [] : [worktree]), ...main]);
  return [...worktrees].flatMap((path) =>
    ["settings.json", "settings.local.json"].flatMap((name) => rulesIn(join(path, ".entire", name))),
  );
}

const maxSettingsBytes = 1 << 20;

function rulesIn(path: string): readonly Rule[] {
  const bytes = readOwnFile(path, { maxBytes: maxSettingsBytes });
  if (bytes === "missing") return [];
  const settings = Buffer.isBuffer(bytes) ? objectIn(bytes.toString("utf8")) : undefined;
  if (settings === undefined)
    throw refused(`The settings ${path}, which may hold redaction rules, cannot be read`, path);
  const redaction = settings["redaction"] ?? {};
  const rules = fieldsOf(redaction)?.["custom_redactions"] ?? {};
  const named = fieldsOf(rules);
  if (fieldsOf(redaction) === undefined || named === undefined)
    throw refused(
      `redaction.custom_redactions of ${path} is no object of labels and regular expressions`,
      path,
    );
  return Object.entries(named).map(([label, pattern]) => {
    const name = `${JSON.stringify(label)} of redaction.custom_redactions in ${path}`;
    if (typeof pattern !== "string") throw refused(`The redaction rule ${name} is no text`, path);
    return { name, pattern };
  });
}

/** Names the rule by its place: it may itself be the secret. */
function check({ name, pattern }: Rule): void {
  try {
    ownRules([pattern]);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
    throw refused(`The redaction rule ${name} ${String(error.data["fault"])}`, "it");
  }
}

function refused(message: string, what: string): HoldfastError {
  return new HoldfastError({
    code: "redaction_invalid",
    message: `${message}. No checkpoint is written.`,
    next: `Correct ${what}. What waits meanwhile is done then, with the next commit or with: holdfast git work`,
  });
}
