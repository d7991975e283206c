import { type Fields, fieldsOf } from "../../../core/json.ts";

/**
 * Tells which result ends the turn of a prompt: the agent also answers what its own background tasks report, before the
 * prompt or in the midst of its turn. New SDKs name the prompts that a result answers, where each was given a uuid; old
 * ones give a turn, and the reports that came in it, one result that names the report.
 */
export class PromptWatch {
  readonly #uuid: string;
  #namesPrompts = false;
  #hasBegun = false;

  /** From when the prompt is given, with this uuid, which is also that of its entry. */
  constructor(uuid: string) {
    this.#uuid = uuid;
  }

  /** Takes each message of the process from then on; true for the result of this prompt. */
  ends(message: unknown): boolean {
    const fields = fieldsOf(message) ?? {};
    const { type, subtype, origin } = fields;
    const named = promptsOf(fields);
    if (type === "command_lifecycle" || named.length > 0) this.#namesPrompts = true;
    if (type === "system" && subtype === "init") this.#hasBegun = true;
    if (type !== "result") return false;
    if (named.length > 0) return named.includes(this.#uuid);
    return origin === undefined || (this.#hasBegun && !this.#namesPrompts);
  }
}

function promptsOf({ user_message_uuid: one, user_message_uuids: several }: Fields): readonly unknown[] {
  return [one, several].flat().filter((uuid) => uuid !== undefined);
}
