import type { FoldSessionSummary } from "./contract.ts";

/** The SDK's own `foldSessionSummary` where the SDK is installed; it is an optional peer and loaded only here. */
export async function loadSdkFold(): Promise<FoldSessionSummary | undefined> {
  // Held in a variable, so that neither the compiler nor a bundler asks for a package that need not be there.
  const sdk: string = "@anthropic-ai/claude-agent-sdk";
  try {
    const { foldSessionSummary } = (await import(sdk)) as { foldSessionSummary?: FoldSessionSummary };
    return foldSessionSummary;
  } catch {
    return undefined;
  }
}
