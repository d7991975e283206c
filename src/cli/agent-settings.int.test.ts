import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Home } from "../../test/cli/home.ts";
import { agentSettings } from "./agent-settings.ts";

let home: Home;
const names = ["XDG_CONFIG_HOME", "HOME", "HOLDFAST_AGENTS"] as const;
const before = names.map((name) => process.env[name]);
const asked = ["run", "say Hi.", "--agent", "scripted", "--session", "s-1", "--project", "p"];

beforeEach(() => {
  home = new Home();
});
afterEach(() => {
  // Key by key: the home folder is asked of the real environment, which an assigned object would not reach.
  for (const [n, name] of names.entries()) {
    if (before[n] === undefined) delete process.env[name];
    else process.env[name] = before[n];
  }
  home[Symbol.dispose]();
});

describe("the config file's agents", () => {
  it.each([
    ["5", "agents"],
    ["[]", "agents"],
    ['{"enabld": true}', "agents.enabld"],
    ['{"enabled": "yes"}', "agents.enabled"],
    ['{"routes": []}', "agents.routes"],
    ['{"routes": {"claude-code": "gpt"}}', "agents.routes.claude-code"],
    ['{"routes": {"mine": 5}}', "agents.routes.mine"],
    ['{"claude": "opus"}', "agents.claude"],
    ['{"claude": {"modle": "opus"}}', "agents.claude.modle"],
    ['{"claude": {"model": ""}}', "agents.claude.model"],
    ['{"claude": {"permissionMode": "yolo"}}', "agents.claude.permissionMode"],
    ['{"claude": {"cwd": 1}}', "agents.claude.cwd"],
    ['{"claude": {"maxProcesses": 0}}', "agents.claude.maxProcesses"],
    ['{"claude": {"maxProcesses": 1.5}}', "agents.claude.maxProcesses"],
    ['{"claude": {"idleMs": -1}}', "agents.claude.idleMs"],
    ['{"claude": {"idleMs": "5s"}}', "agents.claude.idleMs"],
  ])("are refused as %s, by the key and the file, before anything is made", async (text, key) => {
    const path = home.write(".config/holdfast/config.json", `{"agents": ${text}}`);
    for (const args of [asked, ["worker"], ["reconcile"]]) {
      const { code, stdout, stderr } = await home.runInside(args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toContain(`"${key}" in the config file ${path}`);
    }
    expect(existsSync(home.database)).toBe(false);
  });

  it("are read in full, with a folder from the file's own or the home", () => {
    const claude = { model: "m-1", permissionMode: "plan", cwd: "../work", maxProcesses: 2, idleMs: 0 };
    at(
      home.write(
        ".config/holdfast/config.json",
        JSON.stringify({ agents: { claude, routes: { x: "claude" } } }),
      ),
    );
    expect(agentSettings()).toEqual({
      isEnabled: true,
      routes: { x: "claude" },
      claude: { ...claude, cwd: join(home.folder, ".config/work") },
    });
    at(
      home.write(".config/holdfast/config.json", '{"agents": {"enabled": false, "claude": {"cwd": "~/w"}}}'),
    );
    expect(agentSettings()).toEqual({
      isEnabled: false,
      routes: {},
      claude: { cwd: join(home.folder, "w") },
    });
  });

  it("are switched by HOLDFAST_AGENTS before the file, which takes on and off alone", () => {
    at(home.write(".config/holdfast/config.json", '{"agents": {"enabled": false}}'));
    process.env["HOLDFAST_AGENTS"] = "on";
    expect(agentSettings().isEnabled).toBe(true);
    process.env["HOLDFAST_AGENTS"] = "";
    expect(agentSettings().isEnabled).toBe(false);
    process.env["HOLDFAST_AGENTS"] = "1";
    expect(() => agentSettings()).toThrow(/HOLDFAST_AGENTS is neither on nor off: 1/);
  });

  it("route a provider of one's own to an agent that is there", async () => {
    home.write(".config/holdfast/config.json", '{"agents": {"routes": {"mine": "scripted"}}}');
    const { code, stderr } = await home.runInside(["worker", "--provider", "yours"]);
    expect(code).toBe(2);
    expect(stderr).toContain("No agent serves the provider yours. Name claude-code, scripted, mine");
  });
});

describe("a worker's options", () => {
  it.each<[readonly string[], readonly string[]]>([
    [
      ["--concurrency", "0"],
      ["--concurrency", "1,000"],
    ],
    [
      ["--concurrency", "many"],
      ["--concurrency", "many"],
    ],
    [["--concurrency", "1001"], ["--concurrency"]],
    [["--drain-ms", "-1"], ["--drain-ms"]],
    [
      ["--drain-ms", "1s"],
      ["--drain-ms", "1s"],
    ],
    [["--drain-ms", "86400001"], ["--drain-ms"]],
    [
      ["--provider", "gpt"],
      ["gpt", "claude-code, scripted"],
    ],
    [["--provider", ""], ["--provider is empty"]],
    [["--project", ""], ["--project is empty"]],
  ])("are refused as %j", async (args, named) => {
    const words = args.map((word) => word.replace(/^~/, home.folder));
    const { code, stdout, stderr } = await home.runInside(["worker", ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const part of named) expect(stderr).toContain(part);
    expect(existsSync(home.database)).toBe(false);
  });
});

describe("a worker", () => {
  it("refuses a price table that is not there", async () => {
    const { code, stderr } = await home.runInside(["worker", "--prices", "absent.json"]);
    expect(code).toBe(2);
    expect(stderr).toContain("absent.json cannot be read (ENOENT)");
  });
});

describe("a turn's options", () => {
  it.each<[readonly string[], readonly string[]]>([
    [
      ["--permission-mode", "yolo"],
      ["yolo", "acceptEdits"],
    ],
    [["--model", ""], ["--model is empty"]],
    [
      ["--cwd", "~/absent"],
      ["--cwd names no folder", "absent"],
    ],
    [["--attach", "~/absent.png"], ["--attach cannot be read (ENOENT)"]],
    [["--attach", "~"], ["EISDIR"]],
  ])("are refused as %j before anything is asked", async (args, named) => {
    const words = args.map((word) => word.replace(/^~/, home.folder));
    const to = ["run", "hi", "--agent", "claude", "--session", "s-1", "--project", "p"];
    const { code, stdout, stderr } = await home.runInside([...to, ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    for (const part of named) expect(stderr).toContain(part);
    expect(existsSync(home.database)).toBe(false);
  });
});

/** Makes this process one of the machine's. */
function at(config: string): void {
  process.env["XDG_CONFIG_HOME"] = config.replace(/\/holdfast\/config\.json$/, "");
  process.env["HOME"] = home.folder;
}
