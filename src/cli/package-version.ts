import { readFileSync } from "node:fs";
import { packageRoot } from "./package-root.ts";

/** The version of the installed package. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("package.json", packageRoot), "utf8"));
  return String((manifest as { readonly version?: unknown }).version);
}
