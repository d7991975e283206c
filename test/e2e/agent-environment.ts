/** What sends an agent to the fake model, and lets it ask nobody else. */
export function modelEnvironment(modelUrl: string): Record<string, string> {
  return {
    LANG: "C.UTF-8",
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_API_KEY: "sk-ant-dummy-000",
    // Without it the binary refuses to run as root with its permissions bypassed.
    IS_SANDBOX: "1",
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    DISABLE_ERROR_REPORTING: "1",
    DISABLE_AUTOUPDATER: "1",
  };
}

/** All of an agent's environment: nothing is inherited, and nothing but loopback is asked. */
export function agentEnvironment({ modelUrl, configDir, temporary }: AgentPlace): Record<string, string> {
  return {
    ...modelEnvironment(modelUrl),
    PATH: process.env["PATH"] ?? "",
    HOME: configDir,
    TMPDIR: temporary,
    CLAUDE_CONFIG_DIR: configDir,
  };
}

export interface AgentPlace {
  readonly modelUrl: string;
  readonly configDir: string;
  readonly temporary: string;
}
