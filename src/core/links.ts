import { derivedUuid } from "./derived-uuid.ts";
import type { EntryInput } from "./entry.ts";
import type { ToolCallEvent } from "./event.ts";
import { type Fields, fieldsOf, objectIn, textOf } from "./json.ts";
import { type ShellCommand, shellCommands } from "./shell-commands.ts";

/** Something that a run made elsewhere: at least one of its address and its commit is known. */
export interface Link {
  readonly kind: "pull_request" | "commit";
  readonly url?: string;
  /** As it was told, perhaps shortened. */
  readonly commit?: string;
}

/** A link as the session keeps it. */
export interface KeptLink extends Link {
  readonly run: string;
  readonly call: string;
}

/** What a tool call makes; its result is to be read for this and nothing else. */
export interface Making {
  readonly by: "tool" | "shell";
  /** How many pull requests, commits and pushes it was called for. */
  readonly pullRequests: number;
  readonly commits: number;
  readonly pushes: number;
  /** In small letters, where the call names it: `owner/repository`. */
  readonly repository?: string;
}

/** The log that holds a session's links. */
export const linksLog = "@links";

/** What a call makes, by its name and its input alone; undefined of any call that makes nothing, or might do more. */
export function makingOf({ name, input }: Pick<ToolCallEvent, "name" | "input">): Making | undefined {
  const fields = fieldsOf(input) ?? {};
  if (createTool.test(name)) {
    const [owner, repo] = [textOf(fields["owner"]), textOf(fields["repo"])];
    const named =
      owner === undefined || repo === undefined ? {} : { repository: `${owner}/${repo}`.toLowerCase() };
    return { by: "tool", pullRequests: 1, commits: 0, pushes: 0, ...named };
  }
  const line = shellTool.test(name) ? lineIn(fields) : undefined;
  return line === undefined ? undefined : shellMaking(line);
}

/** The links that a successful call's result tells; none where it could be read in two ways. */
export function linksIn(making: Making, text: string): readonly Link[] {
  if (text.length > maxLength) return [];
  if (making.by === "tool") return createdIn(making, text);
  const lines = text.split(/\r?\n/);
  return [...pullRequestsIn(making, lines), ...commitsIn(making, lines), ...pushesIn(making, lines)];
}

/** A link as an entry of its log, which holds each one once. */
export function linkEntry(link: KeptLink): EntryInput {
  const body = JSON.stringify({ type: "link", ...link });
  return {
    body,
    uuid: derivedUuid("link", link.kind, link.url ?? "", link.url === undefined ? link.commit! : ""),
  };
}

/** Reads an entry of the log; undefined where it holds no link. */
export function readLink(body: string): KeptLink | undefined {
  const { type, kind, url, commit, run, call } = objectIn(body) ?? {};
  if (type !== "link" || typeof run !== "string" || typeof call !== "string") return undefined;
  if (kind !== "pull_request" && kind !== "commit") return undefined;
  const [address, id] = [textOf(url), textOf(commit)];
  if (address === undefined && id === undefined) return undefined;
  return {
    kind,
    ...(address === undefined ? {} : { url: address }),
    ...(id === undefined ? {} : { commit: id }),
    run,
    call,
  };
}

const maxLength = 1_000_000;

// `create_pull_request`, also behind the name of its server, as `mcp__github__create_pull_request`.
const createTool = /^(?:.*(?:__|[./:]))?(?:create_(?:pull|merge)_request|create(?:Pull|Merge)Request)$/;
const shellTool =
  /^(?:bash|shell|sh|local_shell|exec|exec_command|execute_command|run_command|run_shell_command|run_terminal_cmd|terminal)$/i;

function lineIn({ command, cmd }: Fields): string | undefined {
  const given = command ?? cmd;
  if (typeof given === "string") return given;
  // `["bash", "-lc", "…"]`: what the shell is given is its last word.
  if (!Array.isArray(given) || given.length !== 3 || !/^(?:.*\/)?(?:ba|z)?sh$/.test(String(given[0])))
    return undefined;
  return /^-l?c$/.test(String(given[1])) ? textOf(given[2]) : undefined;
}

function shellMaking(line: string): Making | undefined {
  const kinds = shellCommands(line)?.map(kindOf);
  if (kinds === undefined || kinds.includes("other")) return undefined;
  const count = (kind: CommandKind): number => kinds.filter((one) => one === kind).length;
  const making = { pullRequests: count("request"), commits: count("commit"), pushes: count("push") };
  if (making.pullRequests + making.commits + making.pushes === 0) return undefined;
  return { by: "shell", ...making };
}

/** `quiet` prints nothing that could be taken for what another one made. */
type CommandKind = "request" | "commit" | "push" | "quiet" | "other";

function kindOf({ words, piped }: ShellCommand): CommandKind {
  const [program = "", ...args] = words;
  if (program === "git") return gitKind(args);
  if (program === "gh" || program === "glab") return requestKind(program, args);
  if (piped) return filters[program]?.test(args.join(" ")) === true ? "quiet" : "other";
  return quietPrograms[program]?.test(args.join(" ")) === true ? "quiet" : "other";
}

// What they show comes from the pipe: with the name of a file they would print that.
const filters: Readonly<Record<string, RegExp>> = {
  cat: /^$/,
  head: /^(?:-n ?\d+|-\d+)?$/,
  tail: /^(?:-n ?\d+|-\d+)?$/,
};
const quietPrograms: Readonly<Record<string, RegExp>> = {
  cd: /^/,
  export: /=/,
  set: /^-/,
  sleep: /^/,
  true: /^/,
  ":": /^/,
  mkdir: /^/,
  touch: /^/,
  rm: /^/,
  mv: /^/,
  cp: /^/,
};

function requestKind(program: string, args: readonly string[]): CommandKind {
  const noun = program === "gh" ? "pr" : "mr";
  if (args[0] !== noun || args[1] !== "create") return "other";
  const isShow = args.some((arg) => ["--dry-run", "--help", "-h", "--web", "-w"].includes(arg));
  return isShow ? "other" : "request";
}

function gitKind(given: readonly string[]): CommandKind {
  let at = 0;
  while (given[at] === "-C" || given[at] === "-c" || given[at] === "--no-pager")
    at += given[at] === "--no-pager" ? 1 : 2;
  const [verb = "", ...args] = given.slice(at);
  if (args.includes("--help") || args.includes("-h")) return "other";
  const isDry = args.includes("--dry-run") || (verb === "push" && args.includes("-n"));
  if (verb === "commit" || verb === "push") return isDry ? "quiet" : verb;
  return quietGit.has(verb) ? "quiet" : "other";
}

// None of them prints what is in files or in messages, nor tells of commits as a push does.
const quietGit: ReadonlySet<string> = new Set(["add", "checkout", "switch", "status", "rm", "mv"]);

const pullRequest =
  /^https:\/\/([a-z0-9][a-z0-9.-]*[a-z0-9](?::\d+)?)\/((?:[\w.-]+\/)+)(?:pull|-\/merge_requests|pull-requests)\/[1-9]\d{0,9}$/;

function isPullRequest(url: string): boolean {
  return url.length <= 500 && pullRequest.test(url);
}

function pullRequestsIn({ pullRequests }: Making, lines: readonly string[]): readonly Link[] {
  if (pullRequests === 0 || lines.some((line) => /already exists/i.test(line))) return [];
  const urls = new Set(lines.map((line) => line.trim()).filter(isPullRequest));
  // More than were asked for: which are its own cannot be told.
  return urls.size > pullRequests ? [] : Array.from(urls, (url) => ({ kind: "pull_request", url }));
}

function commitsIn({ commits }: Making, lines: readonly string[]): readonly Link[] {
  const found = lines.flatMap((line, at) => {
    const commit = committed.exec(line)?.[1];
    const isWhole = lines.slice(at + 1, at + 4).some((next) => /^ \d+ files? changed/.test(next));
    return commit === undefined || !isWhole ? [] : commit;
  });
  return found.length > commits ? [] : found.map((commit) => ({ kind: "commit", commit }));
}

// What follows is the message: a hook could print such a line too, but not what git adds behind it.
const committed = /^\[(?:[^\s\]]+|detached HEAD)(?: \(root-commit\))? ([0-9a-f]{7,64})\] /;

function pushesIn({ pushes }: Making, lines: readonly string[]): readonly Link[] {
  const to = lines.flatMap((line) => /^To (\S+)$/.exec(line)?.[1] ?? []);
  const [remote] = to;
  if (pushes === 0 || to.length !== 1 || remote === undefined) return [];
  const home = homeOf(remote);
  const behind = lines.slice(lines.indexOf(`To ${remote}`) + 1);
  const commits = behind.flatMap((line) => pushed.exec(line)?.[1] ?? []);
  return home === undefined
    ? []
    : commits.map((commit) => ({ kind: "commit", commit, url: `${home}${commit}` }));
}

const pushed = /^ [ +] [0-9a-f]{7,64}\.{2,3}([0-9a-f]{7,64}) +\S+ +-> +\S+(?: \(forced update\))?$/;

/** Where a remote's host shows its commits; what stands before the host may be a secret, and is left out. */
function homeOf(remote: string): string | undefined {
  const [, host = "", path = ""] =
    /^(?:https?:\/\/|ssh:\/\/)(?:[^@/\s]*@)?([\w.-]+)(?::\d+)?\/([\w./-]+?)(?:\.git)?\/?$/.exec(remote) ??
    /^(?:[\w.-]+@)?([\w.-]+):([\w./-]+?)(?:\.git)?\/?$/.exec(remote) ??
    [];
  const middle = Object.entries(hosts).find(
    ([name]) => host === `${name}.com` || host.startsWith(`${name}.`),
  )?.[1];
  return middle === undefined || !path.includes("/") ? undefined : `https://${host}/${path}/${middle}/`;
}

const hosts = { github: "commit", gitlab: "-/commit", bitbucket: "commits" } as const;

function createdIn({ repository }: Making, text: string): readonly Link[] {
  const answer = objectIn(text.trim());
  const fields = [answer?.["html_url"], answer?.["web_url"], answer?.["url"]];
  const named = fields.map(textOf).filter((url) => url !== undefined && isPullRequest(url));
  const all = answer === undefined ? urlsIn(text) : named;
  const urls = [...new Set(answer === undefined ? all : all.slice(0, 1))];
  const [url] = urls;
  if (url === undefined || urls.length !== 1 || /already exists/i.test(text.slice(0, 2000))) return [];
  const place = pullRequest.exec(url)![2]!.slice(0, -1).toLowerCase();
  return repository !== undefined && place !== repository ? [] : [{ kind: "pull_request", url }];
}

function urlsIn(text: string): readonly string[] {
  const words = text.split(/[\s"'<>()[\]{},]+/).map((word) => word.replace(/[.:;!?]+$/, ""));
  return words.filter(isPullRequest);
}
