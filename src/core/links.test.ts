import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linkEntry, linksIn, makingOf, readLink, type Link } from "./links.ts";

const pr = (url: string): Link => ({ kind: "pull_request", url });
const commit = (id: string, url?: string): Link => ({
  kind: "commit",
  commit: id,
  ...(url === undefined ? {} : { url }),
});
const url = "https://github.com/acme/shop/pull/42";

function madeBy(command: string, text: string): readonly Link[] {
  const making = makingOf({ name: "Bash", input: { command } });
  return making === undefined ? [] : linksIn(making, text);
}

const created = `Warning: 1 uncommitted change

Creating pull request for fix/total into main in acme/shop

${url}
`;
const committed = `husky - pre-commit hook
[fix/total 1a2b3c4] Fix the total
 Date: Sat Nov 21 15:00:00 2026 +0000
 2 files changed, 3 insertions(+), 1 deletion(-)
 create mode 100644 src/total.ts
`;
const pushed = `remote: Resolving deltas: 100% (2/2), completed with 2 local objects.
remote:
remote: Create a pull request for 'fix/total' on GitHub by visiting:
remote:      https://github.com/acme/shop/pull/new/fix/total
To github.com:acme/shop.git
   9f8e7d6..1a2b3c4  fix/total -> fix/total
branch 'fix/total' set up to track 'origin/fix/total'.
`;
const body = `gh pr create --title "Fix the total" --body "$(cat <<'EOF'
## Summary
- run \`gh pr create\`; see https://github.com/acme/shop/pull/1 :)
EOF
)"`;

describe("links", () => {
  test.each<[string, string, string, readonly Link[]]>([
    ["a pull request", 'gh pr create --title "x" --body "y"', created, [pr(url)]],
    [
      "one behind a change of folder, in quiet company",
      "cd shop && git add -A && gh pr create -f 2>&1 | tail -3",
      created,
      [pr(url)],
    ],
    ["one with a body of several lines", body, created, [pr(url)]],
    [
      "one that reads its body from a here-document",
      "gh pr create -F - <<'EOF'\ngh pr list\nEOF\n",
      created,
      [pr(url)],
    ],
    [
      "a merge request",
      "GITLAB_HOST=git.acme.io glab mr create --fill",
      "\n!7 Fix (fix)\n https://git.acme.io/a/b/c/-/merge_requests/7\n",
      [pr("https://git.acme.io/a/b/c/-/merge_requests/7")],
    ],
    ["a commit", 'git commit -am "Fix the total"', committed, [commit("1a2b3c4")]],
    [
      "a first commit",
      "git commit -m x # the first",
      "[main (root-commit) abcdef0] x\n 1 file changed, 1 insertion(+)\n",
      [commit("abcdef0")],
    ],
    [
      "a commit on no branch",
      "git -C shop commit -m x",
      "[detached HEAD abcdef0] x\n 1 file changed\n",
      [commit("abcdef0")],
    ],
    [
      "a push",
      "git push -u origin HEAD",
      pushed,
      [commit("1a2b3c4", "https://github.com/acme/shop/commit/1a2b3c4")],
    ],
    [
      "a forced push",
      "git --no-pager push -f",
      "To https://x:secret@gitlab.com/a/b.git\n + 9f8e7d6...1a2b3c4 fix -> fix (forced update)\n",
      [commit("1a2b3c4", "https://gitlab.com/a/b/-/commit/1a2b3c4")],
    ],
    [
      "all of them",
      "git commit -m x && git push\ngh pr create --fill",
      `${committed}${pushed}${created}`,
      [pr(url), commit("1a2b3c4"), commit("1a2b3c4", "https://github.com/acme/shop/commit/1a2b3c4")],
    ],
    [
      "two pull requests of two calls",
      "gh pr create --fill; gh pr create -R o/p --fill",
      `${url}\nhttps://github.com/o/p/pull/3\n`,
      [pr(url), pr("https://github.com/o/p/pull/3")],
    ],
    [
      "a push with a word that ends as it should not",
      "git push origin x$",
      pushed,
      [commit("1a2b3c4", "https://github.com/acme/shop/commit/1a2b3c4")],
    ],
  ])("tell of %s", (_, command, text, links) => {
    expect(madeBy(command, text)).toEqual(links);
  });

  test.each<[string, string, string]>([
    ["a pull request that is looked at", "gh pr view 42", url],
    ["a list of them", "gh pr list", url],
    [
      "one that is there already",
      "gh pr create --fill || true",
      `a pull request for branch "x" into branch "main" already exists:\n${url}\n`,
    ],
    ["one that is not really made", "gh pr create --dry-run", created],
    ["a file that is shown beside it", "cat notes.txt; gh pr create --fill", url],
    ["a file that is shown by a filter", "gh pr create --fill | cat README", url],
    ["words that name the command", 'echo "gh pr create"', created],
    ["a comment that names it", "ls # gh pr create", created],
    ["a here-document that names it", "cat > x.sh <<EOF\ngh pr create\nEOF\n", created],
    ["a word in quotes that names it", "grep 'x; gh pr create' notes.txt", created],
    ["what the shell puts in", "$(echo gh) pr create", created],
    ["a group", "(gh pr create --fill)", created],
    ["a here-string", 'gh pr list <<< "x\ngh pr create"', created],
    ["a quote without an end", "gh pr create --title 'x", created],
    [
      "more addresses than were asked for",
      "gh pr create --fill",
      `${url}\nhttps://github.com/evil/shop/pull/1\n`,
    ],
    ["an address in a line of text", "gh pr create --fill", `see ${url} first\n`],
    ["an address with a query", "gh pr create --fill", `${url}?x=1\n`],
    ["an address with a user", "gh pr create --fill", "https://github.com@evil.io/a/b/pull/1\n"],
    ["an address without TLS", "gh pr create --fill", "http://github.com/a/b/pull/1\n"],
    [
      "an address with a control character",
      "gh pr create --fill",
      "https://github.com/a/b\u001b[2J/pull/1\n",
    ],
    ["an address of another alphabet", "gh pr create --fill", "https://g\u0456thub.com/a/b/pull/1\n"],
    ["a commit that a hook invents", "git commit -qm x", "[main deadbee] x\n"],
    ["two commits of one call", "git commit -m x", `${committed}${committed.replace("1a2b3c4", "deadbee")}`],
    ["a commit that is only planned", "git commit --dry-run", committed],
    ["the manual of a commit", "git commit --help", committed],
    ["a push to a folder", "git push", pushed.replaceAll("github.com:acme/shop.git", "../shop")],
    ["a commit in a log", "git log -1", committed],
    ["a push to an unknown host", "git push", pushed.replaceAll("github.com", "example.org")],
    ["a fetch", "git fetch", "From github.com:acme/shop\n   9f8e7d6..1a2b3c4  main -> origin/main\n"],
    ["a push with what a fetch tells behind it", "git push && git fetch", pushed],
    [
      "a new branch, whose commit is not told",
      "git push",
      "To github.com:acme/shop.git\n * [new branch]      x -> x\n",
    ],
    ["a text beyond all measure", "gh pr create --fill", `${"\n".repeat(1_000_001)}${url}`],
    ["a command beyond all measure", `gh pr create ${"x".repeat(100_001)}`, created],
  ])("tell nothing of %s", (_, command, text) => {
    expect(madeBy(command, text)).toEqual([]);
  });

  test("are told by the tools that make pull requests", () => {
    const github = {
      name: "mcp__github__create_pull_request",
      input: { owner: "Acme", repo: "shop", title: "x" },
    };
    const making = makingOf(github)!;
    expect(linksIn(making, `{"id":"1","html_url":"${url}"}`)).toEqual([pr(url)]);
    expect(linksIn(making, `{"id":"1","url":"https://api.github.com/repos/acme/shop/pulls/42"}`)).toEqual([]);
    expect(linksIn(making, `{"url":"${url}"}`)).toEqual([pr(url)]);
    expect(linksIn(making, `Created pull request: ${url}.`)).toEqual([pr(url)]);
    expect(linksIn(making, "Created https://github.com/evil/shop/pull/1")).toEqual([]);
    expect(linksIn(making, `${url} https://github.com/acme/shop/pull/43`)).toEqual([]);
    expect(linksIn(making, `It already exists: ${url}`)).toEqual([]);
    const gitlab = makingOf({ name: "gitlab.create_merge_request", input: null })!;
    const web = "https://gitlab.com/a/b/-/merge_requests/3";
    expect(linksIn(gitlab, `{"web_url":"${web}"}`)).toEqual([pr(web)]);
    for (const name of [
      "create_pull_request_review",
      "mcp__github__get_pull_request",
      "Read",
      "recreate_pull_request",
    ])
      expect(makingOf({ name, input: {} })).toBe(undefined);
  });

  test("are told by the shells of other agents", () => {
    for (const [name, input] of [
      ["shell", { command: ["bash", "-lc", "gh pr create --fill"] }],
      ["run_terminal_cmd", { command: "gh pr create --fill" }],
      ["exec_command", { cmd: "gh pr create --fill" }],
    ] as const)
      expect(linksIn(makingOf({ name, input })!, `${url}\n`)).toEqual([pr(url)]);
    for (const command of [
      ["gh", "pr", "create"],
      ["bash", "-x", "gh pr create"],
      ["bash", "-c", 7],
      7,
      undefined,
    ])
      expect(makingOf({ name: "shell", input: { command } })).toBe(undefined);
  });

  test("are read as they were kept, under a key that is the same for the same thing", () => {
    const link = { ...pr(url), run: "1.1", call: "c" };
    const { body: kept, uuid } = linkEntry(link);
    expect(readLink(kept)).toEqual(link);
    expect(linkEntry({ ...link, run: "2.1", call: "d" }).uuid).toBe(uuid);
    const bare = { ...commit("1a2b3c4"), run: "1.1", call: "c" };
    expect(linkEntry(bare).uuid).not.toBe(uuid);
    expect(readLink(linkEntry(bare).body)).toEqual(bare);
    const named = '{"type":"link","run":"1","call":"c"';
    for (const damaged of [
      "",
      "{}",
      `${named}}`,
      `${named},"kind":"commit"}`,
      `${named},"kind":"other","url":"x"}`,
    ])
      expect(readLink(damaged)).toBe(undefined);
  });

  test("are looked for in any command and any text without a fault, and never where no call makes one", () => {
    const part = fc.constantFrom(
      ...[
        "gh pr create",
        "git push",
        "'",
        '"',
        "$(",
        "${x}",
        ")",
        "<<E",
        "<<-E",
        "\nE\n",
        "\n",
        ";",
        "|",
        "\\",
      ],
      ...["&&", " x", "2>&1", ">", "> x", "#", "A=1 ", "| tail -1", url],
    );
    const text = fc.array(part, { maxLength: 14 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, text, (command, output) => {
        const links = madeBy(command, output);
        if (!/gh pr create|git push/.test(command)) expect(links).toEqual([]);
        for (const { url: found } of links) expect(output).toContain(found);
      }),
      { numRuns: 2000 },
    );
  });
});
