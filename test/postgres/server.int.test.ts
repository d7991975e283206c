import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";

test("A process that has started a server of its own ends with the exit code that it has set.", async () => {
  const program = `
    const { startServer } = await import(${JSON.stringify(import.meta.resolve("./server.ts"))});
    await (await startServer()).stop();
    process.exitCode = 3;`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: "pipe" });
  let told = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (told += String(text)));
  expect([...(await once(child, "close")), told]).toEqual([3, null, ""]);
});
