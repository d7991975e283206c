import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { HoldfastError } from "../../../core/errors.ts";
import type { ClaudeSdk } from "./sdk-contract.ts";

/** The SDK itself, or what loads it. */
export type SdkSource = ClaudeSdk | (() => ClaudeSdk | Promise<ClaudeSdk>);

/** Loads the SDK from where Holdfast is installed, or else from the working folder. @throws sdk_missing */
export async function loadSdk(source?: SdkSource): Promise<ClaudeSdk> {
  if (source !== undefined) return typeof source === "function" ? await source() : source;
  try {
    return (await import(name)) as ClaudeSdk;
  } catch (error) {
    return await loadFrom(process.cwd(), error);
  }
}

/** Refuses a release that is too old, by what the SDK tells its own process. @throws sdk_too_old */
export function checkSdkVersion(env: Readonly<Record<string, string | undefined>>): void {
  const version = sdkVersionIn(env);
  const parts = /^(\d+)\.(\d+)\.(\d+)/
    .exec(version ?? "")
    ?.slice(1)
    .map(Number);
  if (parts === undefined) return;
  const difference = parts.map((part, index) => part - oldest[index]!).find((by) => by !== 0) ?? 0;
  if (difference < 0)
    throw new HoldfastError({
      code: "sdk_too_old",
      message: `The Claude Agent SDK ${version} is too old.`,
      next: `Install ${oldest.join(".")} or a later one: \`npm install ${name}\`.`,
      data: { version, oldest: oldest.join(".") },
    });
}

/** The release that has asked for a process. */
export function sdkVersionIn(env: Readonly<Record<string, string | undefined>>): string | undefined {
  return env["CLAUDE_AGENT_SDK_VERSION"];
}

// Held in a variable, so that neither the compiler nor a bundler asks for a package that need not be there.
const name: string = "@anthropic-ai/claude-agent-sdk";
const oldest = [0, 3, 159];

async function loadFrom(folder: string, cause: unknown): Promise<ClaudeSdk> {
  try {
    const path = createRequire(join(folder, "package.json")).resolve(name);
    return (await import(pathToFileURL(path).href)) as ClaudeSdk;
  } catch {
    throw new HoldfastError({
      code: "sdk_missing",
      message: `The Claude Agent SDK is installed neither beside Holdfast nor in ${folder}.`,
      next: `Install it there with \`npm install ${name}\`.`,
      cause,
    });
  }
}
