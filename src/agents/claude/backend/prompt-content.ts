import { promptOf } from "../../../core/agent.ts";
import type { Input } from "../../../core/input.ts";
import type { SdkBlock } from "./sdk-contract.ts";

export type PromptContent = string | SdkBlock[];

/** What an input's prompt and attachments are for the model. */
export async function promptContent(input: Pick<Input, "body">): Promise<PromptContent> {
  return promptOf(input);
}
