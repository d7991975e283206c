import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { objectIn } from "../../core/json.ts";
import { gitEnvironment } from "../plumbing/environment.ts";
import { type AgentVerb, agentVerbs, handleAgentHook } from "./agent-hook.ts";
import { flowPaths } from "./flow-paths.ts";
import { logFailure } from "./hook-log.ts";
import { inheritedAfterReset, inheritedBySquash } from "./inherited.ts";
import { placeOf } from "./place.ts";

/**
 * What runs behind `holdfast git hook`: small, because an agent waits for it. It always succeeds and prints nothing,
 * except to the hook of git that asks what is inherited.
 */
export async function runHook([first = "", second = "", ...rest]: readonly string[]): Promise<void> {
  if (first === "inherited") return printInherited(second, { gitDir: rest[0] ?? "", note: rest[1] ?? "" });
  const verb = agentVerbs.find((one) => one === second);
  if (first === "claude-code" && verb !== undefined) await runAgentHook(first, verb);
}

async function runAgentHook(agent: string, verb: AgentVerb): Promise<void> {
  const input = objectIn(await readInput());
  const cwd = typeof input?.["cwd"] === "string" ? input["cwd"] : process.cwd();
  const place = placeOf(process.env["CLAUDE_PROJECT_DIR"] ?? cwd);
  // In no repository, or in one that was disabled since.
  if (place === undefined || !isEnabled(place.commonDir)) return;
  try {
    if (input === undefined) throw new Error("What came on stdin is no JSON object of at most 16 MiB.");
    const { startWorker } = handleAgentHook({ agent, verb, input, place, parent: process.ppid });
    if (startWorker) startDetached(place.commonDir);
  } catch (error) {
    logFailure(place.commonDir, `${agent} ${verb}`, error);
  }
}

function printInherited(how: string, at: { readonly gitDir: string; readonly note: string }): void {
  const found = how === "squash" ? inheritedBySquash(at) : inheritedAfterReset(at);
  for (const id of found.checkpoints) process.stdout.write(`Entire-Checkpoint: ${id}\n`);
  for (const id of found.sessions) process.stdout.write(`Agent-Session: ${id}\n`);
}

/** What the agent says on stdin; nothing where it is too long, or does not end. */
async function readInput(): Promise<string> {
  const timer = setTimeout(() => process.stdin.destroy(), inputTimeoutMs);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of process.stdin) {
      bytes += (chunk as Buffer).length;
      if (bytes > maxInputBytes) return "";
      chunks.push(chunk as Buffer);
    }
  } catch {
    return "";
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

const maxInputBytes = 16 << 20;
const inputTimeoutMs = 5_000;

function isEnabled(commonDir: string): boolean {
  return existsSync(flowPaths(commonDir).launcher);
}

/** Starts the worker as a process of its own, which outlives this one; the launcher knows where it is. */
function startDetached(commonDir: string): void {
  const child = spawn(flowPaths(commonDir).launcher, ["git", "work"], {
    cwd: commonDir,
    env: gitEnvironment(process.env),
    detached: true,
    stdio: "ignore",
    windowsHide: true,
  });
  // Whatever is wrong with it, the next event starts one again.
  child.on("error", () => undefined);
  child.unref();
}
