/** The hooks of git that Holdfast uses. */
export const hookNames = [
  "prepare-commit-msg",
  "commit-msg",
  "post-commit",
  "post-rewrite",
  "pre-push",
] as const;

export type HookName = (typeof hookNames)[number];

/** What tells a hook of ours from any other. */
export const ownMarker = "# Holdfast hooks";

/** What tells one of the `entire` CLI (specification §11). */
export const entireMarker = "Entire CLI hooks";

/** The programs behind the scripts, by their whole paths on this machine. */
export interface Programs {
  readonly node: string;
  /** What `holdfast` on the command line is. */
  readonly program: string;
  /** The small program for what a line of shell cannot do. */
  readonly hook: string;
}

/**
 * The file that git calls. It holds no path of this machine, first calls the hook that was there before it, whose exit
 * code counts, and does nothing where Holdfast is gone.
 */
export function wrapperScript(name: string, before: Before): string {
  const isOurs = (hookNames as readonly string[]).includes(name);
  const reads = readsStdin.has(name);
  const call = `${reads ? 'printf %s "$input" 2>/dev/null | ' : ""}"$before" "$@"`;
  const part = reads ? `printf %s "$input" 2>/dev/null | ( . "$ours" )` : `( . "$ours" )`;
  // A process that is not started is time that no commit waits for: what git would say is read from its files.
  const ours = String.raw`dir=${"${GIT_DIR:-.git}"}
[ -d "$dir" ] || dir=$(git rev-parse --git-dir 2>/dev/null) || exit $code
common=$dir
if [ -f "$dir/commondir" ]; then
  read -r common < "$dir/commondir"
  case $common in /*) ;; *) common=$dir/$common ;; esac
fi
own=$common/holdfast hooks=${"${before%/*}"} caller=$PPID
ours=$own/hooks/${name}
[ ! -f "$ours" ] || ${part}
`;
  return String.raw`#!/bin/sh
${ownMarker}: "holdfast git disable" takes this file away.
before=${before.kind === "beside" ? `${"${0%/*}"}/${name}${keptSuffix}` : quoted(before.path)}
code=0
${reads ? `input=$(cat; echo .)\ninput=${"${input%.}"}\n` : ""}if [ -x "$before" ]; then
  ${call} || code=$?
${stops.has(name) ? "  [ $code -eq 0 ] || exit $code\n" : ""}fi
${isOurs ? ours : ""}exit $code
`;
}

/** Where the hook is that was there before: kept beside ours, or in a folder that is not ours to change. */
export type Before = { readonly kind: "beside" } | { readonly kind: "elsewhere"; readonly path: string };

/** What a hook is called that was there before ours. */
export const keptSuffix = ".pre-holdfast";

/** Starts Holdfast from a hook of git or of an agent, wherever it is installed by now; silent where it is gone. */
export function launcherScript({ node, program, hook }: Programs): string {
  return String.raw`#!/bin/sh
node=${quoted(node)}
program=${quoted(program)}
hook=${quoted(hook)}
after=
if [ -x "$node" ] && [ "$1 $2" = "git hook" ] && [ -f "$hook" ]; then
  shift 2
  exec "$node" --no-warnings "$hook" "$@"
fi
[ "$1 $2" != "git work" ] || after="nice -n 10"
[ ! -x "$node" ] || [ ! -f "$program" ] || exec $after "$node" "$program" "$@"
command -v holdfast >/dev/null 2>&1 || exit 0
exec holdfast "$@"
`;
}

/** The programs that a launcher starts, by their whole paths; none of a file that is no launcher. */
export function programsIn(launcher: string): readonly string[] {
  const named = launcher.matchAll(/^(?:node|program)='((?:[^'\n]|'\\'')*)'$/gm);
  return Array.from(named, ([, path]) => path!.replaceAll(String.raw`'\''`, "'"));
}

/** A word of shell that means exactly this text. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

const readsStdin: ReadonlySet<string> = new Set([
  "pre-push",
  "post-rewrite",
  "pre-receive",
  "post-receive",
  "reference-transaction",
  "proc-receive",
]);

// What comes after these does not happen when they fail; git does not look at the exit code of the others.
const stops: ReadonlySet<string> = new Set(["prepare-commit-msg", "commit-msg", "pre-push"]);
