import { homedir } from "node:os";
import { describe, expect, test } from "vitest";
import { claudeBackend, type ClaudeBackendOptions } from "../backend.ts";
import { checkSdkVersion, loadSdk } from "./load-sdk.ts";
import { permissionDesk } from "./permission-desk.ts";
import { sdkOptions } from "./sdk-options.ts";

describe("a backend", () => {
  test.each<[string, ClaudeBackendOptions]>([
    ["persistSession: false", { options: { persistSession: false } }],
    ["enableFileCheckpointing", { options: { enableFileCheckpointing: true } }],
    ["CLAUDE_CODE_SKIP_PROMPT_HISTORY", { options: { env: { CLAUDE_CODE_SKIP_PROMPT_HISTORY: "1" } } }],
    ["sessionStore", { options: { sessionStore: {} } }],
    ["resume", { options: { resume: "x" } }],
    ["spawnClaudeCodeProcess", { options: { spawnClaudeCodeProcess: () => undefined } }],
    ["mcpServers: () => ({ … })", { options: { mcpServers: { own: { type: "sdk", instance: {} } } } }],
    ["maxProcesses", { maxProcesses: 0 }],
    ["idleMs", { idleMs: Number.NaN }],
    ["permissions", { permissions: permissionDesk(), options: { canUseTool: () => undefined } }],
  ])("refuses %s, which it could not keep its word with", (name, options) => {
    expect(() => claudeBackend(options)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringContaining(name) }),
    );
  });

  test("takes servers that are processes of their own", () => {
    const mcpServers = { one: { command: "server" }, two: { type: "http", url: "http://localhost" } };
    expect(() => claudeBackend({ options: { mcpServers } })).not.toThrow();
    expect(sdkOptions({ mcpServers })).toMatchObject({ mcpServers });
  });

  test("takes what the same options do not switch off", () => {
    const env = { CLAUDE_CODE_SKIP_PROMPT_HISTORY: "0" };
    expect(() => claudeBackend({ options: { persistSession: true, env } })).not.toThrow();
  });
});

describe("the options of a process", () => {
  test("are the caller's, without what a host inherits that is run by an agent itself", () => {
    const env = { HOME: homedir(), CLAUDECODE: "1", CLAUDE_CODE_CHILD_SESSION: "1", A: "b" };
    expect(sdkOptions({ env, allowedTools: ["Bash"] })).toEqual({
      env: { HOME: homedir(), A: "b" },
      allowedTools: ["Bash"],
      mcpServersDelivery: "initialize",
    });
  });

  test("name the config folder of another home, where the SDK would not look for it", () => {
    expect(sdkOptions({ env: { HOME: "/elsewhere" } }).env).toMatchObject({
      CLAUDE_CONFIG_DIR: "/elsewhere/.claude",
    });
    const env = { HOME: "/elsewhere", CLAUDE_CONFIG_DIR: "/config" };
    expect(sdkOptions({ env }).env).toEqual(env);
  });

  test("leave it to the caller how servers are told to another program than the SDK's own", () => {
    expect(sdkOptions({ env: {}, pathToClaudeCodeExecutable: "/claude" })).not.toHaveProperty(
      "mcpServersDelivery",
    );
    expect(sdkOptions({ env: {}, mcpServersDelivery: "argv" })).toMatchObject({ mcpServersDelivery: "argv" });
  });
});

describe("the SDK", () => {
  test.each(["0.3.158", "0.2.400"])("is refused as too old in %s", (version) => {
    expect(() => checkSdkVersion({ CLAUDE_AGENT_SDK_VERSION: version })).toThrow(
      expect.objectContaining({ code: "sdk_too_old", data: { version, oldest: "0.3.159" } }),
    );
  });

  test.each(["0.3.159", "0.3.400", "0.10.0", "1.0.0", undefined])("is taken in %s", (version) => {
    expect(() => checkSdkVersion({ CLAUDE_AGENT_SDK_VERSION: version })).not.toThrow();
  });

  test("says what to install where there is none", async () => {
    await expect(loadSdk()).rejects.toMatchObject({
      code: "sdk_missing",
      message: expect.stringContaining("npm install @anthropic-ai/claude-agent-sdk"),
    });
  });
});
