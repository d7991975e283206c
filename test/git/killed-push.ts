import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, globSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { Machine } from "./machines.ts";
import { gitTestEnv } from "./repositories.ts";

const script = join(import.meta.dirname, "push-worker.ts");

/** Pushes in a process of its own; gives the signal or the code that it ended with. */
export async function pushInProcess(
  { path }: Machine,
  remote: string,
  killAfterMs?: number,
): Promise<string | number | null> {
  const child = spawn(process.execPath, ["--no-warnings", script, path], {
    env: gitTestEnv,
    stdio: "inherit",
  });
  writeFileSync(join(remote, "pusher"), String(child.pid));
  const timer = killAfterMs === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfterMs);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  clearTimeout(timer);
  return signal ?? code;
}

/** A line of sh for the remote's side that kills the process that pushes, the nth time that it runs. */
export function killAt(remote: string, nth = 1): string {
  const count = join(remote, "runs");
  return `echo >> "${count}"; test $(wc -l < "${count}") -ne ${nth} || kill -9 "$(cat "${remote}/pusher")"`;
}

/** Puts a line of sh before a program that git starts on the remote's side. */
export async function before(
  { git }: Machine,
  remote: string,
  { program, line }: { readonly program: "upload-pack" | "receive-pack"; readonly line: string },
): Promise<void> {
  const path = join(remote, program);
  writeFileSync(path, `#!/bin/sh\n${line}\nexec git-${program} "$@"\n`);
  chmodSync(path, 0o755);
  await git("config", `remote.origin.${program.replace("-", "")}`, path);
}

/**
 * The git that the dead process had started may go on, on the remote's side: what it holds locked is free when it has
 * ended. The lock of a ref that the process itself held is left to whoever is told of it, as git's own is.
 */
export async function settled(remote: string, { path, push }: Machine): Promise<void> {
  await expect.poll(() => locksIn(remote), { timeout: 10_000, interval: 50 }).toEqual([]);
  const left = locksIn(join(path, ".git"));
  if (left.length === 0) return;
  expect(await push()).toMatchObject({ outcome: "incomplete" });
  for (const lock of left) rmSync(join(path, ".git", lock));
}

function locksIn(cwd: string): readonly string[] {
  return globSync("refs/**/*.lock", { cwd });
}
