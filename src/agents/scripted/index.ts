export { scriptedAgent, type ScriptedAgentOptions, type ScriptedToolCall } from "./agent.ts";
