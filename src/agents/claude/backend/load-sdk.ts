import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "../../../core/errors.ts";
import type { ClaudeSdk } from "./sdk-contract.ts";

/** The SDK itself, or what loads it. */
export type SdkSource = ClaudeSdk | (() => Promise<ClaudeSdk>);

// Held in a variable, so that neither the compiler nor a bundler asks for a package that need not be there.
const name: string = "@anthropic-ai/claude-agent-sdk";

/** Loads the SDK from where Holdfast is installed, or else from the working folder. @throws sdk_missing */
export async function loadSdk(source?: SdkSource): Promise<ClaudeSdk> {
  if (source !== undefined) return typeof source === "function" ? await source() : source;
  try {
    return (await import(name)) as ClaudeSdk;
  } catch (error) {
    return await loadFrom(process.cwd(), error);
  }
}

async function loadFrom(folder: string, cause: unknown): Promise<ClaudeSdk> {
  try {
    const path = createRequire(join(folder, "package.json")).resolve(name);
    return (await import(pathToFileURL(path).href)) as ClaudeSdk;
  } catch {
    throw new HoldfastError({
      code: "sdk_missing",
      message: "The Claude Agent SDK is not installed.",
      next: `Install it with \`npm install ${name}\`.`,
      cause,
    });
  }
}
